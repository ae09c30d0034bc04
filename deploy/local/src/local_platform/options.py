"""How a platform is to be run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local_platform.services import SERVICES, ServiceDefinition
from local_platform.supervisor import RESTART_DELAYS_SECONDS


@dataclass(frozen=True)
class Options:
    """How a platform is run.

    Args:
        state: the folder for all it keeps; None is `FARTHING_STATE` or `.farthing` in the checkout.
        services: which services, in the order they are listed.
        ports: wished ports by name: kafka, postgres, smtp and each service. The others are chosen.
        durable: whether Postgres waits for the disk; False for tests.
        full_speed: Kafka starts more slowly and runs faster (benchmarks).
        heap_mb: the most memory for Kafka's Java objects.
        kafka_settings, postgres_settings: replace ours.
        environment: the variables to start from; those that name external servers are obeyed.
        service_environment: additions for single services, by name.
        supervise: start again what ends by itself.
        restart_delays_seconds: the pauses before that; the last one is used from then on.
        report: is told what happens.
    """

    state: Path | str | None = None
    services: Sequence[ServiceDefinition] = SERVICES
    ports: Mapping[str, int] = field(default_factory=dict)
    durable: bool = True
    full_speed: bool = False
    heap_mb: int = 256
    kafka_settings: Mapping[str, str] = field(default_factory=dict)
    postgres_settings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    service_environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    supervise: bool = True
    restart_delays_seconds: Sequence[float] = RESTART_DELAYS_SECONDS
    report: Callable[[str], None] = lambda _: None

    @property
    def own_kafka(self) -> bool:
        """Whether we run the broker ourselves: FARTHING_KAFKA names none."""
        return not self.environment.get("FARTHING_KAFKA")
