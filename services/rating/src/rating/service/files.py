"""CDR files: received whole, accepted once by content, published by the role `files` (SPEC R2)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

from rating.domain.mapping import CdrMapping
from rating.domain.rows import LONGEST_LINE, Lines, header_problem
from rating.store import files as store
from rating.store.files import CdrFile, NewFile
from rating.store.mappings import find_mapping
from service_kit import clock
from service_kit.database import bound, reading, transaction
from service_kit.http import Conflict, Invalid, NotFound
from service_kit.logs import logger

CHUNK_BYTES = 1024 * 1024
_IN_MEMORY_BYTES = 4 * 1024 * 1024
_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Upload:
    """Who sends what: `source` is the supplier, `mapping` how its columns are read."""

    source: str
    mapping: str
    name: str
    by: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A file that this process publishes, and how it is read."""

    file: CdrFile
    mapping: CdrMapping


async def receive_file(upload: Upload, stream: AsyncIterator[bytes]) -> CdrFile:
    """Store a file, to be published by the role `files`.

    The content is put aside first, so that a slow sender holds no database connection.

    Raises:
        Invalid: there is no such mapping, or the first line is not its header.
        Conflict: the same content was accepted before; it names that file.
    """
    async with reading() as connection:
        named = await find_mapping(connection, upload.mapping)
    if named is None:
        message = f"there is no mapping '{upload.mapping}': GET /mappings lists them"
        raise Invalid(f"mapping: {message}", errors=[{"field": "mapping", "message": message}])
    with SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as content:
        sha256 = hashlib.sha256()
        async for piece in stream:
            sha256.update(piece)
            content.write(piece)
        size = content.tell()
        _check_header(content, named.mapping)
        at = clock.now()
        new = NewFile(upload.name, upload.source, upload.mapping, sha256.hexdigest(), size, upload.by, at)
        stored = await _store(new, content)
    _log.info("file received", file_id=stored.file_id, file=stored.name, source=stored.source, bytes=stored.bytes)
    return stored


def _check_header(content: IO[bytes], mapping: CdrMapping) -> None:
    content.seek(0)
    lines = Lines()
    first = (lines.feed(content.readline(LONGEST_LINE)) + lines.end())[:1]
    problem = header_problem(first[0], mapping.header) if first else "the file is empty"
    if problem:
        raise Invalid(
            f"{problem}: send a file with the mapping's header, or name another mapping",
            errors=[{"field": "header", "message": problem}],
        )


async def _store(new: NewFile, content: IO[bytes]) -> CdrFile:
    content.seek(0)
    async with transaction() as tx:
        stored = await store.insert_file(tx.connection, new)
        if stored is None:
            raise _seen(await store.find_by_content(tx.connection, new.sha256))
        number = 0
        while piece := content.read(CHUNK_BYTES):
            await store.insert_chunk(tx.connection, stored.file_id, number, piece)
            number += 1
    return stored


def _seen(first: CdrFile | None) -> Conflict:
    if first is None:
        return Conflict("the same file is being received at this moment: look whether it was accepted")
    at = first.received_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Conflict(
        f"this content was accepted before as file {first.file_id} ('{first.name}', {at}): nothing was done",
        type="file-seen",
        title="File accepted before",
        file_id=first.file_id,
        name=first.name,
        received_at=at,
    )


async def get_file(file_id: int) -> CdrFile:
    """A file. Raises NotFound."""
    async with reading() as connection:
        found = await store.find_file(connection, file_id)
    if found is None:
        raise NotFound(f"there is no file {file_id}")
    return found


async def list_files(*, after: int, limit: int) -> list[CdrFile]:
    """Files by id."""
    async with reading() as connection:
        return await store.list_files(connection, after=after, limit=limit)


@asynccontextmanager
async def claimed_file() -> AsyncIterator[Claimed | None]:
    """Claim the oldest file that waits and that no other process publishes; None where there is none.

    The claim is a lock on a connection of its own, outside any transaction: it ends with the process at the latest.
    """
    async with bound().engine.connect() as pooled:
        connection = await pooled.execution_options(isolation_level="AUTOCOMMIT")
        for file in await store.files_waiting(connection):
            async with store.file_lock(connection, file.file_id) as held:
                # Published by another process between the list and the lock?
                now = await store.find_file(connection, file.file_id) if held else None
                if now is None or now.state == "published":
                    continue
                named = await find_mapping(connection, file.mapping)
                assert named is not None, "a foreign key holds it"
                await store.mark_publishing(connection, file.file_id)
                yield Claimed(now, named.mapping)
                return
        yield None


async def pieces_of(file_id: int) -> AsyncIterator[bytes]:
    """A file's content, piece by piece."""
    number = 0
    while True:
        async with reading() as connection:
            piece = await store.read_chunk(connection, file_id, number)
        if piece is None:
            return
        yield piece
        number += 1


async def finish_file(file_id: int, *, accepted: int, rejected: int) -> None:
    """All rows of a file are on the topic."""
    async with transaction() as tx:
        await store.mark_published(tx.connection, file_id, accepted=accepted, rejected=rejected, at=clock.now())
    _log.info("file published", file_id=file_id, accepted=accepted, rejected=rejected)
