"""Where the platform keeps its files."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from local_platform.errors import PlatformError, folder_error


def checkout() -> Path:
    """The root of the source checkout, or the current folder where the package is installed without one."""
    root = Path(__file__).resolve().parents[4]
    return root if (root / "requirements.lock").exists() else Path.cwd()


def state_folder(given: str | os.PathLike[str] | None = None) -> Path:
    """The one folder of a platform's data, logs and secrets.

    The one given, else `FARTHING_STATE`, else `.farthing` in the checkout.
    """
    chosen = given or os.environ.get("FARTHING_STATE") or checkout() / ".farthing"
    return Path(chosen).expanduser().resolve()


def make_folder(folder: Path, mode: int = 0o711) -> Path:
    """Makes a folder with its parents, which others may pass through but not list.

    Raises PlatformError when it cannot be written.
    """
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise folder_error(error, folder) from error
    return folder


def cache_folder(state: Path | None = None) -> Path:
    """The folder of downloads, shared by all platforms of this user.

    `FARTHING_CACHE`; else `farthing` in `XDG_CACHE_HOME` or `~/.cache`; where that cannot be written, `cache` in the
    state folder.
    """
    given = os.environ.get("FARTHING_CACHE")
    if given:
        return make_folder(Path(given).expanduser().resolve())
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    try:
        return make_folder(Path(base) / "farthing")
    except PlatformError:
        return make_folder((state or state_folder()) / "cache")


def remove(folder: Path) -> None:
    """Removes a folder and all in it; it may be absent. Raises PlatformError when something cannot be removed."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise folder_error(error, folder) from error
