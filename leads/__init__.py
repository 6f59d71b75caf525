"""Who wants a car: what came in, from whom, with which consent. Imports nothing of any door."""
