"""Offers on portals: what should be there, what is there, and the steps between the two."""
