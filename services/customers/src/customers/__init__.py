"""Customers, numbers, features, call plans, reference lists and status history."""
