"""Feeds that portals fetch: made car by car, kept as files, true at every pull."""
