"""Fetches the PDFs that messages carry, and makes sure that they are the very bytes that were announced."""

from __future__ import annotations

import hashlib

import httpx

from service_kit.errors import Transient
from service_kit.settings import ServiceSettings

MAX_DOCUMENT_BYTES = 25_000_000
_TIMEOUT_S = 60


class LibraryAway(Transient):
    """The service that has the documents cannot be reached or is in trouble."""


class NotTheDocument(Exception):
    """What was answered is not the document that was announced; it is never sent."""


class Library:
    """Documents over HTTP, with the token for calls between services."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_S)

    async def fetch(self, url: str, sha256: str) -> bytes:
        """A document's bytes.

        Args:
            url: where it is; the token is only shown to invoicing.
            sha256: hex digest of its bytes.

        Raises:
            LibraryAway: it cannot be asked now.
            NotTheDocument: there is none, or it has other bytes.
        """
        try:
            response = await self._client.get(url, headers=self._headers(url))
        except httpx.TransportError as error:
            raise LibraryAway(f"{url}: {error or type(error).__name__}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotTheDocument(f"{url}: {error}") from error
        if response.status_code >= 500 or response.status_code == 429:
            raise LibraryAway(f"{url} answered {response.status_code}")
        if response.status_code != 200:
            raise NotTheDocument(f"{url} answered {response.status_code}")
        return _checked(response.content, sha256)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    def _headers(self, url: str) -> dict[str, str]:
        base = self._settings.invoicing_url.rstrip("/")
        if not base or not url.startswith(f"{base}/") or self._settings.service_token is None:
            return {}
        return {"Authorization": f"Bearer {self._settings.bearer()}"}


def _checked(content: bytes, sha256: str) -> bytes:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise NotTheDocument(f"the document's sha256 is {found}, announced was {sha256}")
    if len(content) > MAX_DOCUMENT_BYTES:
        raise NotTheDocument(f"the document has {len(content)} bytes, more than {MAX_DOCUMENT_BYTES} cannot be emailed")
    return content
