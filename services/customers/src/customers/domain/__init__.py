"""The rules of customers: pure functions on frozen dataclasses, without I/O, clock or framework."""
