"""Own lints: the rules of the house that no general linter knows."""
