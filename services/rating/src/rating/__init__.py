"""Tariffs, CDR intake, rating, suspense and closes."""
