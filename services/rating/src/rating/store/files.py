"""CDR files: what is known of each, and their content in pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_COLUMNS = (
    "file_id, name, source, mapping, sha256, bytes, state, rows, accepted, rejected, uploaded_by, received_at,"
    " published_at"
)
_INSERT = text(
    f"""
    INSERT INTO cdr_file (name, source, mapping, sha256, bytes, state, uploaded_by, received_at)
    VALUES (:name, :source, :mapping, :sha256, :bytes, 'received', :uploaded_by, :received_at)
    ON CONFLICT (sha256) DO NOTHING RETURNING {_COLUMNS}
    """
)
_INSERT_CHUNK = text("INSERT INTO cdr_file_chunk (file_id, number, content) VALUES (:file_id, :number, :content)")
_CHUNK = text("SELECT content FROM cdr_file_chunk WHERE file_id = :file_id AND number = :number")
_BY_CONTENT = text(f"SELECT {_COLUMNS} FROM cdr_file WHERE sha256 = :sha256")
_ONE = text(f"SELECT {_COLUMNS} FROM cdr_file WHERE file_id = :file_id")
_LIST = text(f"SELECT {_COLUMNS} FROM cdr_file WHERE file_id > :after ORDER BY file_id LIMIT :limit")
_WAITING = text(f"SELECT {_COLUMNS} FROM cdr_file WHERE state IN ('received', 'publishing') ORDER BY file_id LIMIT 20")
_TRY_LOCK = text("SELECT pg_try_advisory_lock(hashtext('rating file'), hashint8(:file_id))")
_UNLOCK = text("SELECT pg_advisory_unlock(hashtext('rating file'), hashint8(:file_id))")
_PUBLISHING = text("UPDATE cdr_file SET state = 'publishing' WHERE file_id = :file_id AND state = 'received'")
_PUBLISHED = text(
    """
    UPDATE cdr_file SET state = 'published', rows = :accepted + :rejected, accepted = :accepted, rejected = :rejected,
        published_at = :published_at
    WHERE file_id = :file_id
    """
)


@dataclass(frozen=True, slots=True)
class CdrFile:
    """A file as it is known: `rows`, `accepted` and `rejected` count once it is published."""

    file_id: int
    name: str
    source: str
    mapping: str
    sha256: str
    bytes: int
    state: str
    rows: int
    accepted: int
    rejected: int
    uploaded_by: str
    received_at: datetime
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that was received whole."""

    name: str
    source: str
    mapping: str
    sha256: str
    bytes: int
    uploaded_by: str
    received_at: datetime


async def insert_file(connection: AsyncConnection, new: NewFile) -> CdrFile | None:
    """Add a file; None where there is one of the same content already."""
    values = {name: getattr(new, name) for name in NewFile.__slots__}
    row = (await connection.execute(_INSERT, values)).mappings().one_or_none()
    return CdrFile(**row) if row else None


async def insert_chunk(connection: AsyncConnection, file_id: int, number: int, content: bytes) -> None:
    """Add a piece of a file's content; pieces count from 0."""
    await connection.execute(_INSERT_CHUNK, {"file_id": file_id, "number": number, "content": content})


async def read_chunk(connection: AsyncConnection, file_id: int, number: int) -> bytes | None:
    """A piece of a file's content; None behind the last."""
    content = await connection.scalar(_CHUNK, {"file_id": file_id, "number": number})
    return None if content is None else bytes(content)


async def find_by_content(connection: AsyncConnection, sha256: str) -> CdrFile | None:
    """The file that has this content."""
    row = (await connection.execute(_BY_CONTENT, {"sha256": sha256})).mappings().one_or_none()
    return CdrFile(**row) if row else None


async def find_file(connection: AsyncConnection, file_id: int) -> CdrFile | None:
    """A file, None where there is none."""
    row = (await connection.execute(_ONE, {"file_id": file_id})).mappings().one_or_none()
    return CdrFile(**row) if row else None


async def list_files(connection: AsyncConnection, *, after: int, limit: int) -> list[CdrFile]:
    """Files by id."""
    rows = await connection.execute(_LIST, {"after": after, "limit": limit})
    return [CdrFile(**row) for row in rows.mappings()]


async def files_waiting(connection: AsyncConnection) -> list[CdrFile]:
    """The oldest files that are not published."""
    return [CdrFile(**row) for row in (await connection.execute(_WAITING)).mappings()]


@asynccontextmanager
async def file_lock(connection: AsyncConnection, file_id: int) -> AsyncIterator[bool]:
    """Hold a file as long as this connection lives; yields False where another process holds it."""
    held = bool(await connection.scalar(_TRY_LOCK, {"file_id": file_id}))
    try:
        yield held
    finally:
        if held:
            await connection.execute(_UNLOCK, {"file_id": file_id})


async def mark_publishing(connection: AsyncConnection, file_id: int) -> None:
    """The file's rows are on their way."""
    await connection.execute(_PUBLISHING, {"file_id": file_id})


async def mark_published(
    connection: AsyncConnection, file_id: int, *, accepted: int, rejected: int, at: datetime
) -> None:
    """All rows of the file are on the topic."""
    values = {"file_id": file_id, "accepted": accepted, "rejected": rejected, "published_at": at}
    await connection.execute(_PUBLISHED, values)
