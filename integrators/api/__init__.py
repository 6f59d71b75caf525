"""The REST API: the stock and the leads for other systems, at /api/v1/."""
