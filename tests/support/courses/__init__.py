"""Plays courses of customers on a platform over HTTP; what a course is, `tests.support.reference.steps` says."""
