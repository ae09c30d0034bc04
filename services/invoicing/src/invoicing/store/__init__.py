"""The service's tables and every query on them, by business noun."""
