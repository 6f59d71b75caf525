"""Who we are: the group, its stores, their hours and their looks. Stands on `jobs` and `core`."""
