"""Ground that knows nothing about cars: settings, database, clock, money, text, errors, storage."""
