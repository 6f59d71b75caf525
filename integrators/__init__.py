"""Portals, messaging and telephony: what they send us and what we send them. A door."""
