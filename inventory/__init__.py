"""What we sell, and what of it the public may see. Stands on `dealership`, `jobs` and `core`."""
