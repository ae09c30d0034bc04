"""Runs the carrier's month through the platform, by public APIs, topics and files only, and proves the result."""
