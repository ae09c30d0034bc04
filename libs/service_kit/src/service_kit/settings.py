"""Settings from the environment: one prefix, typed, the same names for every process of a platform."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from pydantic import Field
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from service_kit.errors import ConfigurationError

PREFIX = "FARTHING_"


class ServiceSettings(BaseSettings):
    """What all services know of the platform around them; a service adds its own fields in a subclass.

    A field `some_name` is read from `FARTHING_SOME_NAME`. `postgres` is the service's own database: it is read from
    `FARTHING_POSTGRES_<SERVICE>`, where `service` is the name that the subclass sets.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    service: ClassVar[str] = ""

    postgres: str = ""
    """postgresql://user:password@host:port/database of this service."""
    postgres_pool: int = 5
    """Connections this process may hold; fifteen processes with fifteen each are more than Postgres gives."""
    kafka: str = "localhost:9092"
    """Comma separated host:port list."""
    instance: str = ""
    """This process's name among the replicas of its service, the same after a restart (`0`, `1` ...). A consumer that
    was killed then takes its partitions back at once; without it the others wait out its session first. Never give
    two living processes the same one.
    """
    jwks: str = ""
    """Path or URL of the token issuer's public keys."""
    issuer: str = "farthing"
    """The `iss` that a token must carry."""
    audience: str = "farthing"
    """The `aud` that a token must carry."""
    service_token: Path | None = None
    """File holding the bearer token for calls from service to service."""
    clock: Path | None = None
    """The movable business clock's file; without it business time is wall time."""
    customers_url: str = ""
    rating_url: str = ""
    invoicing_url: str = ""
    notifications_url: str = ""
    smtp: str = "smtp://localhost:25"
    request_keys_days: int = Field(default=7, ge=1, le=30)
    """How long an answer is kept under its idempotency key: gone before a deleted customer is (SPEC C17)."""
    log_level: str = "INFO"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the caller gives, then the service's own database, then the environment."""
        own = os.environ.get(f"{PREFIX}POSTGRES_{cls.service.upper()}", "") if cls.service else ""
        own_database = InitSettingsSource(settings_cls, {"postgres": own})
        return init_settings, own_database, env_settings, dotenv_settings, file_secret_settings

    def bearer(self) -> str:
        """The token for calls to other services.

        Raises:
            ConfigurationError: FARTHING_SERVICE_TOKEN is not set or cannot be read.
        """
        if self.service_token is None:
            raise ConfigurationError(f"{PREFIX}SERVICE_TOKEN is not set: name the file with the services' token")
        try:
            return self.service_token.read_text().strip()
        except OSError as error:
            raise ConfigurationError(f"{PREFIX}SERVICE_TOKEN: {error}") from error


def sqlalchemy_url(dsn: str) -> str:
    """A Postgres DSN as SQLAlchemy wants it: `postgresql://` becomes `postgresql+psycopg://`.

    Raises:
        ConfigurationError: the DSN is empty or of another database.
    """
    scheme, found, rest = dsn.partition("://")
    if not found or scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise ConfigurationError(
            f"no usable database: got {scheme!r}, expected {PREFIX}POSTGRES_<SERVICE>=postgresql://user:password@host/db"
        )
    return f"postgresql+psycopg://{rest}"
