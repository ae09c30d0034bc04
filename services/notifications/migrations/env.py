"""Alembic's entry: `python -m service_kit migrate notifications`."""

from notifications.store import metadata
from service_kit.migrations import run_env

run_env(metadata)
