"""Routes of what is not built: they say so, instead of answering half."""

from __future__ import annotations

from service_kit.auth import scope
from service_kit.http import Problem, Router

router = Router(tags=["not built"])
READ = [scope("rating:read")]
WRITE = [scope("rating:write")]


def _not_built(what: str) -> Problem:
    return Problem(501, "not-built", "Not built", f"{what} is not built in this version")


@router.post("/re-ratings", dependencies=WRITE, summary="Rate unbilled usage again (not built)")
async def post_re_rating() -> None:
    raise _not_built("rating usage again after a tariff correction (SPEC R8)")


@router.get("/discount-plans", dependencies=READ, summary="Discount plans (not built)")
async def get_discount_plans() -> None:
    raise _not_built("discount plans (SPEC R7)")


@router.put("/discount-plans/{code}", dependencies=WRITE, summary="Add or change a discount plan (not built)")
async def put_discount_plan(code: str) -> None:
    raise _not_built(f"the discount plan {code} (SPEC R7)")
