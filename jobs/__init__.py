"""Work to do later: one leased table in the application's own database and the loop that drains it."""
