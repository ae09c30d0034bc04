"""Logs: one JSON object a line on standard output, with the service, request, event and customer it is about."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import AbstractContextManager
from typing import Any

import structlog
from structlog.typing import Processor

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    structlog.processors.format_exc_info,
]
_TALKATIVE = {
    "aiokafka": logging.WARNING,
    "faststream": logging.WARNING,
    "service_kit.faststream": logging.ERROR,
    "sqlalchemy": logging.WARNING,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "uvicorn": logging.WARNING,
    "asyncio": logging.WARNING,
}

structlog.configure(
    processors=[structlog.stdlib.filter_by_level, *_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)


def configure(service: str, level: str = "INFO") -> None:
    """Send all logs of this process, the libraries' too, to standard output as JSON lines that name the service."""
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(default=str),
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    handler.addFilter(OnceInAWhile())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name, least in _TALKATIVE.items():
        logging.getLogger(name).setLevel(least)
    structlog.contextvars.bind_contextvars(service=service)


class OnceInAWhile(logging.Filter):
    """Lets each message of a Kafka client through once in ten seconds.

    While a broker is away they write dozens a second.
    """

    def __init__(self, every_s: float = 10.0) -> None:
        super().__init__()
        self._every_s = every_s
        self._told: dict[tuple[str, object], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        if not record.name.startswith("aiokafka"):
            return True
        now, what = time.monotonic(), (record.name, record.msg)
        if now - self._told.get(what, float("-inf")) < self._every_s:
            return False
        if len(self._told) > 1_000:
            self._told.clear()
        self._told[what] = now
        return True


def logger(name: str) -> Any:
    """A logger: `log = logger(__name__)`, then `log.info("what happened", customer_id=7)`."""
    return structlog.stdlib.get_logger(name)


def bind_context(**values: object) -> AbstractContextManager[None]:
    """Put values on every log line written inside the `with` block, from this task and those it starts."""
    return structlog.contextvars.bound_contextvars(**values)
