"""The use cases, by business noun. Each opens the one transaction of its work and writes its events in it."""
