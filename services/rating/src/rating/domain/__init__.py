"""The rules of rating: pure functions on frozen dataclasses."""
