"""Features that have discount plans; rating needs no others."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.customers import FeatureRemoved, FeatureState, PlanPeriod

_ADD = text(
    """
    INSERT INTO feature (feature_id, version, customer_id, number_id, start_date, end_date, discount_plans, removed)
    VALUES (:feature_id, :version, :customer_id, :number_id, :start, :end, CAST(:plans AS jsonb), :removed)
    ON CONFLICT (feature_id) DO UPDATE
    SET version = excluded.version, number_id = excluded.number_id, start_date = excluded.start_date,
        end_date = excluded.end_date, discount_plans = excluded.discount_plans, removed = excluded.removed
    WHERE feature.version < excluded.version
    """
)
_LEAVE = text(
    """
    UPDATE feature SET version = told.version, discount_plans = '[]'
    FROM unnest(CAST(:features AS bigint[]), CAST(:versions AS integer[])) AS told (feature_id, version)
    WHERE feature.feature_id = told.feature_id AND feature.version < told.version
    """
)


async def put_features(connection: AsyncConnection, states: Sequence[FeatureState]) -> None:
    """Keep the states that are newer than what is known, of features that have or had a plan."""
    ordered = sorted(states, key=lambda state: state.feature_id)
    if having := [_row(each) for each in ordered if each.discount_plans]:
        await connection.execute(_ADD, having)
    if without := [each for each in ordered if not each.discount_plans]:
        values = {
            "features": [each.feature_id for each in without],
            "versions": [each.version for each in without],
        }
        await connection.execute(_LEAVE, values)


def _row(state: FeatureState) -> dict[str, object]:
    return {
        "feature_id": state.feature_id,
        "version": state.version,
        "customer_id": state.customer_id,
        "number_id": state.number_id,
        "start": state.start,
        "end": state.end,
        "plans": plans_json(state.discount_plans),
        "removed": isinstance(state, FeatureRemoved),
    }


def plans_json(periods: Sequence[PlanPeriod]) -> str:
    """Periods as they are stored."""
    return f"[{','.join(each.model_dump_json() for each in periods)}]"
