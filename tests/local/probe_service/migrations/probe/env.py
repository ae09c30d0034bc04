"""Alembic's entry point for the probe's database."""

from service_kit.migrations import run_env

run_env()
