"""The platform's own token issuer: its keys, and the tokens that open the services' APIs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from local_platform.errors import PlatformError
from service_kit.tokens import Issuer, generate_issuer, issue_token

SCOPES = (
    "customers:read",
    "customers:write",
    "customers:erase",
    "reference:read",
    "reference:write",
    "rating:read",
    "rating:write",
    "cdrs:write",
    "invoicing:read",
    "invoicing:write",
    "billing:run",
    "documents:read",
    "notifications:read",
    "notifications:write",
)
"""All there are."""
SERVICE_TOKEN_LIFETIME = timedelta(days=365)


def keys_folder(state: Path) -> Path:
    """Where the issuer's keys and the services' token are."""
    return state / "keys"


def set_up(state: Path) -> tuple[Issuer, Path]:
    """Makes the key pair, if there is none yet, and a fresh token for the services. Returns keys and token file."""
    folder = keys_folder(state)
    issuer = generate_issuer(folder)
    folder.chmod(0o711)
    token_file = folder / "service-token"
    token_file.touch(mode=0o600)
    token_file.write_text(issue_token(issuer.private_key, SCOPES, "service", SERVICE_TOKEN_LIFETIME) + "\n")
    return issuer, token_file


def token(state: Path, scopes: Iterable[str] = SCOPES, subject: str = "local", hours: float = 12.0) -> str:
    """A bearer token for the platform of this state folder.

    Raises PlatformError: an unknown scope, or no platform was ever started there.
    """
    wanted = list(scopes)
    unknown = sorted(set(wanted) - set(SCOPES))
    if unknown:
        raise PlatformError(f"Unknown scope: {', '.join(unknown)}.", remedy=f"The scopes are {', '.join(SCOPES)}.")
    private_key = keys_folder(state) / "issuer-private.json"
    if not private_key.exists():
        raise PlatformError(
            "There is no platform that would accept a token.",
            where=str(state),
            why="Its issuer's key has not been made yet: that happens at the first start.",
            remedy="Start it (`make run`), or name its folder in FARTHING_STATE.",
        )
    return issue_token(private_key, wanted, subject, timedelta(hours=hours))
