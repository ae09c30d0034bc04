"""Alembic runs this; `python -m service_kit migrate invoicing` is the command."""

from invoicing.store.tables import metadata
from service_kit.migrations import run_env

run_env(metadata)
