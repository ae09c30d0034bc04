"""What the tests of rating share."""
