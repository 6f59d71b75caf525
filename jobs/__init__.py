"""Work to do later: one leased table in our own database, and the loop that drains it."""
