"""Alembic's entry: `python -m service_kit migrate rating`. The tables stand in the migrations only."""

from service_kit.migrations import run_env

run_env()
