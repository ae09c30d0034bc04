"""What the stages of a run have counted, and when each began."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.domain.progress import Milestones

_MILESTONES = text(
    """
    WITH made AS (SELECT invoice_id, approval, approved_at FROM invoice WHERE run_id = :run_id AND status <> 'removed')
    SELECT requested_at, started_at, approved.*, documents.*, asked.*, markers.*
    FROM billing_run,
        (SELECT count(approved_at) AS approved, min(approved_at) AS approved_at FROM made) AS approved,
        (SELECT count(*) AS documents, count(sha256) AS rendered
         FROM document JOIN made USING (invoice_id, approval) WHERE copy = 0) AS documents,
        (SELECT count(DISTINCT invoice_id) AS asked, min(created_at) AS asked_at,
                count(DISTINCT invoice_id) FILTER (WHERE send_request.sent_at IS NOT NULL) AS sent
         FROM send_request JOIN made USING (invoice_id)) AS asked,
        (SELECT coalesce(sum(come), 0) AS markers, coalesce(sum(expected), 0) AS expected_markers
         FROM (SELECT count(*) AS come, max(partitions) AS expected FROM run_marker
               WHERE run_id = :run_id GROUP BY topic) AS of_topic) AS markers
    WHERE run_id = :run_id
    """
)


async def milestones(connection: AsyncConnection, run_id: int) -> Milestones:
    """How far a run, which exists, has come."""
    row = (await connection.execute(_MILESTONES, {"run_id": run_id})).one()
    return Milestones(**row._mapping)
