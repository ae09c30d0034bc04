"""Alembic's entry: `python -m service_kit migrate customers`."""

from customers.store.tables import metadata
from service_kit.migrations import run_env

run_env(metadata)
