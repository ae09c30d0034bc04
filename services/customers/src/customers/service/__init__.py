"""The use cases, by business noun. Each is one transaction: lock the customer, change it, write the events."""
