"""Mappings of suppliers' CSV files: data that ships, and can be changed and added to (SPEC R2)."""

from __future__ import annotations

from importlib.resources import files

from rating.domain.mapping import CdrMapping
from rating.store import mappings as store
from rating.store.mappings import NamedMapping
from service_kit.database import reading, transaction
from service_kit.http import NotFound
from service_kit.logs import logger

UK_STANDARD_CDR = "uk-standard-cdr"
_SHIPPED = (UK_STANDARD_CDR,)
_log = logger(__name__)


async def seed_mappings() -> list[str]:
    """Add the shipped mappings that are not there; one that was edited stays as it is. Returns what was added."""
    async with transaction() as tx:
        return [name for name in _SHIPPED if await store.insert_missing(tx.connection, name, shipped(name))]


def shipped(name: str) -> CdrMapping:
    """A mapping as it comes with this version."""
    return CdrMapping.model_validate_json(files("rating").joinpath(f"data/{name}.json").read_text("utf-8"))


async def list_mappings() -> list[NamedMapping]:
    """All mappings, by name."""
    async with reading() as connection:
        return await store.list_mappings(connection)


async def get_mapping(name: str) -> NamedMapping:
    """A mapping. Raises NotFound."""
    async with reading() as connection:
        found = await store.find_mapping(connection, name)
    if found is None:
        raise NotFound(f"there is no mapping '{name}': GET /mappings lists them, PUT /mappings/{name} adds it")
    return found


async def save_mapping(name: str, mapping: CdrMapping, actor: str) -> NamedMapping:
    """Add a mapping or change it; files that wait to be published are read by the new one."""
    async with transaction() as tx:
        saved = await store.save_mapping(tx.connection, name, mapping)
    _log.info("mapping saved", mapping=name, version=saved.version, by=actor)
    return saved
