"""What the other services know of customers is, at rest, what customers says (DESIGN "State, not commands")."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.auditor.checks import Books

OWNED = {
    "customer": "SELECT customer_id AS key, version FROM customer",
    "number": "SELECT number_id AS key, version FROM number",
    "feature": "SELECT feature_id AS key, version FROM feature",
    "assignment": "SELECT assignment_id AS key, version FROM assignment",
    "reference entry": "SELECT list || '/' || code AS key, version FROM reference_entry",
    "judging entry": """
        SELECT list || '/' || code AS key, version FROM reference_entry WHERE list IN ('statuses', 'number_types')
    """,
}
READ = {
    "rating": {
        "customer": "SELECT customer_id AS key, version FROM customer",
        "number": "SELECT number_id AS key, version FROM number WHERE NOT removed",
        "assignment": "SELECT assignment_id AS key, version FROM assignment WHERE NOT removed",
        "judging entry": "SELECT list || '/' || code AS key, version FROM reference_entry",
    },
    "invoicing": {
        "customer": "SELECT customer_id AS key, version FROM customer",
        "number": "SELECT number_id AS key, version FROM number WHERE NOT removed",
        "feature": "SELECT feature_id AS key, version FROM feature WHERE NOT removed",
        "reference entry": "SELECT list || '/' || code AS key, version FROM reference",
    },
}
"""For each reader, how it keeps what it reads."""


def behind(books: Books) -> Iterator[str]:
    """Entities that a reader lacks, or holds in an older or newer version than their owner's."""
    if "customers" not in books:
        return
    for reader, tables in READ.items():
        if reader in books:
            for kind, query in tables.items():
                yield from _differences(kind, reader, _versions(books, "customers", OWNED[kind]), books, query)


def _differences(kind: str, reader: str, owned: dict[object, int], books: Books, query: str) -> Iterator[str]:
    read = _versions(books, reader, query)
    for key, version in owned.items():
        if read.get(key) != version:
            yield f"{kind} {key} is at version {version}, {reader} holds {read.get(key)}"


def _versions(books: Books, service: str, query: str) -> dict[object, int]:
    return {row["key"]: row["version"] for row in books.rows(service, query)}
