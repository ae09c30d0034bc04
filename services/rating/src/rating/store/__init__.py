"""Every table and query of rating."""
