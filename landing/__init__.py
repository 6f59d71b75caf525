"""Campaign pages: one page, one action, and what they achieved. A door."""
