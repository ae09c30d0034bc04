"""Routes of what is not built: they say so, instead of answering half."""

from __future__ import annotations

from service_kit.auth import scope
from service_kit.http import Problem, Router

router = Router(tags=["not built"])
WRITE = [scope("rating:write")]


def _not_built(what: str) -> Problem:
    return Problem(501, "not-built", "Not built", f"{what} is not built in this version")


@router.post("/re-ratings", dependencies=WRITE, summary="Rate unbilled usage again (not built)")
async def post_re_rating() -> None:
    raise _not_built("rating usage again after a tariff correction (SPEC R8)")
