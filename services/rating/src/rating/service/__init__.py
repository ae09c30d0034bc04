"""The use cases of rating, one function each."""
