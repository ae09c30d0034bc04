"""The commands: `python -m local_platform run | token | env | clean`."""

from __future__ import annotations

import argparse
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.text import Text

from local_platform import identity, locks
from local_platform.errors import PlatformError, folder_error
from local_platform.folders import state_folder
from local_platform.options import Options
from local_platform.platform import Platform, running_environment
from local_platform.services import SERVICES

INTERRUPTED = 130
NAMED_PORTS = ("kafka", "postgres", "smtp", *(service.name for service in SERVICES))
KEPT_BY_CLEAN = "cache"
DEMO = "demo"
"""The demo's platform has its state in this part of the state folder."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Returns the exit code: 0 done, 1 failed and said why, 130 interrupted before it was done."""
    options = _parser().parse_args(arguments)
    commands = {"run": run, "token": print_token, "env": print_environment, "clean": clean}
    try:
        commands[options.command](options)
    except PlatformError as error:
        Console(stderr=True).print(Text(str(error), style="red"), soft_wrap=True)
        return 1
    except OSError as error:  # a disk that filled up meanwhile, mostly
        Console(stderr=True).print(Text(str(folder_error(error, state_folder(options.state))), style="red"))
        return 1
    except KeyboardInterrupt:
        Console(stderr=True).print("Interrupted; everything that was started has been stopped.")
        return INTERRUPTED
    return 0


def run(options: argparse.Namespace) -> None:
    """Starts the platform and keeps it up until Ctrl-C or SIGTERM."""
    console = Console()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    wished = {name: port for name in NAMED_PORTS if (port := getattr(options, f"{name}_port")) is not None}
    settings = Options(
        state=options.state,
        ports=wished,
        full_speed=options.full_speed,
        report=lambda text: console.print(f"  {text}", style="dim", markup=False, highlight=False),
    )
    console.print("Starting the platform ...")
    with Platform(settings) as platform:
        console.print(summary(platform), soft_wrap=True, highlight=True)
        console.print("Everything runs. Ctrl-C stops it; nothing is lost: the next start goes on with the same data.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            console.print("Stopping ...")


def summary(platform: Platform) -> Text:
    """Where everything is, for a person: one address a line, so that a terminal makes links of them."""
    lines: list[tuple[str, str]] = []
    for name in platform.service_names:
        lines.append((name, f"{platform.url(name)}/docs"))
        lines.append(("", f"{platform.url(name)}/asyncapi"))
    lines.append(("Kafka", platform.kafka))
    lines += [(f"Postgres: {name}", platform.postgres_dsn(name)) for name in platform.database_names]
    lines += [
        ("Mail", f"{platform.smtp_url}, kept in {platform.maildir}"),
        ("State, logs", f"{platform.state}, {platform.logs}"),
        ("Token", 'make token SCOPE="customers:read invoicing:read" (without SCOPE: all scopes)'),
    ]
    text = Text()
    for label, value in lines:
        text.append(f"  {label:<24}", style="bold").append(f"{value}\n")
    return text


def print_token(options: argparse.Namespace) -> None:
    """A bearer token on standard output."""
    scopes = options.scope.split() if options.scope else identity.SCOPES
    print(identity.token(state_folder(options.state), scopes, options.subject, options.hours))


def print_environment(options: argparse.Namespace) -> None:
    """`export` lines for a shell: the addresses of the platform that runs."""
    for name, value in sorted(running_environment(state_folder(options.state)).items()):
        print(f"export {name}={shlex.quote(value)}")


def clean(options: argparse.Namespace) -> None:
    """Removes the state folder, except a download cache in it. Raises PlatformError if a platform runs on it."""
    state = state_folder(options.state)
    if (state / DEMO / locks.NAME).exists():
        _clean(state / DEMO)
    if state.exists():
        _clean(state)


def _clean(state: Path) -> None:
    if any(state.iterdir()) and not (state / locks.NAME).exists():
        raise PlatformError(
            "This folder does not look like a platform's state; nothing was removed.",
            where=str(state),
            why=f"It has no file named {locks.NAME}.",
            remedy="Check FARTHING_STATE, or remove the folder yourself.",
        )
    with locks.StateLock(state):
        try:
            _remove_all_but_cache(state)
        except OSError as error:
            raise folder_error(error, state) from error


def _remove_all_but_cache(state: Path) -> None:
    for path in state.iterdir():
        if path.name == KEPT_BY_CLEAN:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    if not any(state.iterdir()):
        state.rmdir()


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local_platform", description="The whole platform on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="start everything and keep it up until Ctrl-C")
    for name in NAMED_PORTS:
        running.add_argument(f"--{name}-port", type=int, metavar="PORT", help="a free one by default")
    running.add_argument("--full-speed", action="store_true", help="Kafka starts more slowly and runs faster")
    token = commands.add_parser("token", help="print a bearer token")
    token.add_argument("--scope", help="scopes separated by spaces (all of them)")
    token.add_argument("--subject", default="local", help="who it is, for the audit log (%(default)s)")
    token.add_argument("--hours", type=float, default=12.0, help="how long it is valid (%(default)s)")
    environment = commands.add_parser("env", help="print the running platform's environment for a shell")
    cleaning = commands.add_parser("clean", help="remove the state folder")
    for command in (running, token, environment, cleaning):
        command.add_argument("--state", type=Path, help="state folder (FARTHING_STATE, else .farthing in the checkout)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
