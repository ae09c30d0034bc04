"""Kafka's jars: pinned in `kafka-jars.sha256`, downloaded once, checked before every use.

A download goes to a folder of its own and is moved to its place when it is whole and its checksum is right, so one that
was cut off can never be taken for a jar.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from local_platform.errors import PlatformError, folder_error
from local_platform.folders import make_folder, remove

if TYPE_CHECKING:
    from jgo.maven import MavenContext

LOCK = "kafka-jars.sha256"
ROOTS = ("org.apache.kafka:kafka_2.13:4.3.1", "org.slf4j:slf4j-simple:1.7.36")
"""What the lock is resolved from: the broker, and a logger for it that needs no configuration."""
PARALLEL_DOWNLOADS = 6
DOWNLOAD_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Jar:
    """One pinned jar.

    Args:
        coordinate: group:artifact:version.
        sha256: what its bytes must hash to, in hex.
    """

    coordinate: str
    sha256: str

    @property
    def filename(self) -> str:
        """Its name in the cache."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def locked_jars() -> list[Jar]:
    """The jars of the committed lock."""
    text = resources.files("local_platform").joinpath(LOCK).read_text()
    pairs = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return [Jar(coordinate, sha256) for sha256, coordinate in pairs]


def sha256_of(path: Path) -> str:
    """The checksum of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def class_path(cache: Path) -> list[Path]:
    """The jars in the cache folder, all present and checked; what is missing is downloaded with a progress bar.

    Raises:
        PlatformError: a download failed, or a jar has another checksum than its lock says (the jar is removed).
    """
    jars = locked_jars()
    folder = make_folder(cache / "jars")
    with _one_at_a_time(folder):
        missing = [jar for jar in jars if not (folder / jar.filename).exists()]
        if missing:
            _download(missing, folder)
    for jar in jars:
        _check(folder / jar.filename, jar)
    return [folder / jar.filename for jar in jars]


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Holds the folder's lock: of two platforms started at once, one downloads. Clears up after a killed download."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for partial in folder.glob(".partial-*"):
            remove(partial)
        yield


def _check(path: Path, jar: Jar) -> None:
    found = sha256_of(path)
    if found == jar.sha256:
        return
    path.unlink(missing_ok=True)
    raise PlatformError(
        f"The jar {jar.coordinate} is not the one that was pinned; it has been removed.",
        where=str(path),
        why=f"Its sha256 is {found}; the lock says {jar.sha256}.",
        remedy="Start again to download it afresh. If this comes back, do not trust where it is downloaded from.",
    )


def _download(jars: list[Jar], folder: Path) -> None:
    try:
        with (
            tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as partial,
            _progress(len(jars)) as advance,
            ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool,
        ):
            context = _maven(Path(partial))
            try:
                for _ in pool.map(lambda jar: _fetch(context, jar, folder), jars):
                    advance()
            finally:
                pool.shutdown(cancel_futures=True)  # after Ctrl-C, those that wait are not begun
    except OSError as error:
        if _is_about_the_disk(error):
            raise folder_error(error, folder) from error
        raise _download_error(error, folder) from error
    except RuntimeError as error:
        raise _download_error(error, folder) from error


def _fetch(context: MavenContext, jar: Jar, folder: Path) -> None:
    """Downloads one jar to the context's folder and moves it to its place once its checksum is right."""
    downloaded = context.create_dependency(jar.coordinate).artifact.resolve()
    _check(downloaded, jar)
    os.replace(downloaded, folder / jar.filename)


def _maven(partial: Path) -> MavenContext:
    """Downloads into `partial` only: neither another program's cache nor a mirror's folder is looked at."""
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext, PythonResolver

    mirrors = GlobalSettings.load().repositories or None
    return MavenContext(
        resolver=PythonResolver(),
        repo_cache=partial,
        local_repos=[],
        remote_repos=mirrors,
        timeout=DOWNLOAD_TIMEOUT_SECONDS,
    )


def _is_about_the_disk(error: OSError) -> bool:
    """Network errors are OSErrors too, of the library's own classes and without a file."""
    return type(error).__module__ == "builtins" and error.errno is not None


def _download_error(error: Exception, folder: Path) -> PlatformError:
    return PlatformError(
        "Kafka's jars could not be downloaded.",
        where=f"to {folder}",
        why=f"{type(error).__name__}: {error}",
        remedy="Check the network and proxy settings and start again (what has arrived is kept); or copy the folder"
        " from a machine that has it; or set FARTHING_KAFKA to a broker of your own.",
    )


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error; yields the function that counts one more jar."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("Downloading Kafka (once)"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("jars", total=total)
        yield lambda: bar.advance(task)


def write_lock(target: Path) -> None:
    """Resolves `ROOTS` with all they need and writes their checksums: for who moves to another version of Kafka."""
    with tempfile.TemporaryDirectory() as partial:
        context = _maven(Path(partial))
        roots = [context.create_dependency(root) for root in ROOTS]
        resolved, needed = context.resolver.resolve(roots)
        artifacts = [dependency.artifact for dependency in resolved + needed]
        lines = sorted(
            f"{sha256_of(artifact.resolve())}  {artifact.groupId}:{artifact.artifactId}:{artifact.version}"
            for artifact in artifacts
        )
    lines.sort(key=lambda line: line.split()[1])
    header = f"# sha256 of each jar that {' and '.join(ROOTS)} need; written by `python -m local_platform.jars`"
    target.write_text("\n".join([header, *lines]) + "\n")


if __name__ == "__main__":
    write_lock(Path(__file__).parent / LOCK)
