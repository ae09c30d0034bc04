"""The business clock: one for all processes of a platform, movable, so that tests and demos can live in any month.

Business dates and schedules come from `now()` and `today()`. Kafka's timestamps, token lifetimes and timeouts are
wall time, never this clock's: retention would delete January's calls.
"""

from __future__ import annotations

import json
import os
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from service_kit.errors import ConfigurationError

LOCAL_ZONE = ZoneInfo("Europe/London")
"""Dates of charge are local dates here (SPEC, introduction)."""

_cached: tuple[tuple[int, int, int] | None, timedelta, datetime | None] = (None, timedelta(0), None)


def wall_now() -> datetime:
    """Wall time, UTC: for Kafka, tokens, logs and timeouts; never for dates of business."""
    return datetime.now(UTC)


def now() -> datetime:
    """Business time, UTC and aware: frozen, moved, or wall time, as the platform's clock file says."""
    offset, frozen = _state()
    return frozen if frozen is not None else wall_now() + offset


def today() -> date:
    """The business date in Europe/London."""
    return now().astimezone(LOCAL_ZONE).date()


def move_to(instant: datetime, *, file: Path | None = None) -> None:
    """Move the platform's clock to an instant; it runs on from there.

    Args:
        instant: aware.
        file: the clock's file; None is the one FARTHING_CLOCK names.

    Raises:
        ValueError: the instant has no time zone.
        ConfigurationError: this platform has no movable clock (FARTHING_CLOCK is not set).
    """
    _write({"offset_seconds": (_aware(instant) - wall_now()).total_seconds()}, file)


def freeze(instant: datetime, *, file: Path | None = None) -> None:
    """Stop the platform's clock at an instant, until it is moved, frozen or reset. Arguments as `move_to`."""
    _write({"frozen": _aware(instant).isoformat()}, file)


def reset() -> None:
    """Back to wall time. Does nothing where there is no movable clock."""
    path = _path()
    if path is not None:
        path.unlink(missing_ok=True)


def _path() -> Path | None:
    name = os.environ.get("FARTHING_CLOCK")
    return Path(name) if name else None


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone: the clock is set in UTC or with a zone")
    return instant.astimezone(UTC)


def _state() -> tuple[timedelta, datetime | None]:
    """The file's setting, read again only when the file changed."""
    global _cached
    path = _path()
    if path is None:
        return timedelta(0), None
    try:
        stat = path.stat()
    except FileNotFoundError:
        return timedelta(0), None
    mark = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
    if _cached[0] != mark:
        _cached = (mark, *_read(path))
    return _cached[1], _cached[2]


def _read(path: Path) -> tuple[timedelta, datetime | None]:
    setting = json.loads(path.read_text())
    if "frozen" in setting:
        return timedelta(0), _aware(datetime.fromisoformat(setting["frozen"]))
    return timedelta(seconds=setting["offset_seconds"]), None


def _write(setting: dict[str, object], named: Path | None) -> None:
    """Replace the file in one step, so that no process ever reads half of it."""
    path = named or _path()
    if path is None:
        raise ConfigurationError("FARTHING_CLOCK is not set: this platform's clock cannot be moved")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".clock-")
    with os.fdopen(handle, "w") as file:
        json.dump(setting, file)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)
