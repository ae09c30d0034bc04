"""Kafka's jars: pinned, downloaded whole or not at all, never looked for twice."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jgo.maven import MavenContext, PythonResolver

from local_platform import jars
from local_platform.errors import PlatformError
from local_platform.jars import Jar, class_path, locked_jars

CONTENT = {"alpha": b"first jar" * 1000, "beta": b"second jar" * 1000}


class Repository(http.server.BaseHTTPRequestHandler):
    """A Maven repository on this machine; `cut` makes it end in the middle of a file."""

    cut = False
    asked: list[str]

    def __init__(self, *arguments: object, asked: list[str], cut: bool) -> None:
        self.asked, self.cut = asked, cut
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """A jar, or 404 for its checksum file."""
        self.asked.append(self.path)
        content = CONTENT.get(self.path.split("/")[-3]) if self.path.endswith(".jar") else None
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        whole = content or b""
        self.wfile.write(whole[: len(whole) // 2] if self.cut else whole)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[str]]]:
    """Starts a repository that downloads come from; returns the list of what it is asked for."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(*, cut: bool = False) -> list[str]:
        asked: list[str] = []
        handler = functools.partial(Repository, asked=asked, cut=cut)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        use(monkeypatch, f"http://127.0.0.1:{server.server_port}")
        return asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def use(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Downloads come from this address."""

    def context(partial: Path) -> MavenContext:
        return MavenContext(PythonResolver(), repo_cache=partial, local_repos=[], remote_repos={"test": address})

    monkeypatch.setattr(jars, "_maven", context)


@pytest.fixture(autouse=True)
def lock(monkeypatch: pytest.MonkeyPatch) -> list[Jar]:
    """Two pinned jars instead of Kafka's."""
    pinned = [Jar(f"com.example:{name}:1.0", hashlib.sha256(content).hexdigest()) for name, content in CONTENT.items()]
    monkeypatch.setattr(jars, "locked_jars", lambda: pinned)
    return pinned


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != ".lock"}


def test_an_empty_cache_is_filled_and_a_full_one_asks_nobody(
    tmp_path: Path, repository: Callable[..., list[str]]
) -> None:
    asked = repository()
    found = class_path(tmp_path)
    assert [path.read_bytes() for path in found] == list(CONTENT.values())
    assert len(asked) >= 2
    asked.clear()
    assert class_path(tmp_path) == found
    assert asked == []


def test_a_download_that_is_cut_off_leaves_no_jar_behind(tmp_path: Path, repository: Callable[..., list[str]]) -> None:
    repository(cut=True)
    with pytest.raises(PlatformError, match="could not be downloaded"):
        class_path(tmp_path)
    assert names(tmp_path / "jars") == set()
    repository()
    assert len(class_path(tmp_path)) == 2


def test_a_jar_with_another_checksum_is_refused_and_removed(
    tmp_path: Path, repository: Callable[..., list[str]], lock: list[Jar]
) -> None:
    repository()
    changed = class_path(tmp_path)[1]
    changed.write_bytes(b"something else")
    with pytest.raises(PlatformError, match=r"com\.example:beta:1\.0") as raised:
        class_path(tmp_path)
    assert lock[1].sha256 in raised.value.why
    assert not changed.exists()
    assert len(class_path(tmp_path)) == 2


def test_a_downloaded_jar_with_another_checksum_never_enters_the_cache(
    tmp_path: Path, repository: Callable[..., list[str]], lock: list[Jar]
) -> None:
    repository()
    lock[0] = Jar(lock[0].coordinate, "0" * 64)
    with pytest.raises(PlatformError, match=r"com\.example:alpha:1\.0"):
        class_path(tmp_path)
    assert "alpha-1.0.jar" not in names(tmp_path / "jars")


def test_what_a_killed_download_left_is_cleared_away(tmp_path: Path, repository: Callable[..., list[str]]) -> None:
    (tmp_path / "jars" / ".partial-old").mkdir(parents=True)
    repository()
    class_path(tmp_path)
    assert names(tmp_path / "jars") == {"alpha-1.0.jar", "beta-1.0.jar"}


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(PlatformError) as raised:
        class_path(tmp_path)
    assert str(tmp_path) in raised.value.where
    assert "FARTHING_KAFKA" in raised.value.remedy


def test_the_committed_lock_pins_every_jar_once_and_names_no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    pinned = locked_jars()
    assert len({jar.filename for jar in pinned}) == len(pinned) >= 40
    assert all(len(jar.sha256) == 64 for jar in pinned)
    assert {jar.coordinate for jar in pinned} >= set(jars.ROOTS)
    assert "://" not in (Path(jars.__file__).parent / jars.LOCK).read_text()
