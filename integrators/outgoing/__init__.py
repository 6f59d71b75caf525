"""Signed webhooks to other systems: what happened here, told there, until it was heard."""
