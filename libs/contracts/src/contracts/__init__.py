"""Farthing's events, topics, keys and error shapes."""
