"""Commands of a platform's operator: `python -m service_kit --help`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from service_kit.errors import ConfigurationError, Transient


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and run one command."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (ConfigurationError, Transient) as error:
        sys.exit(f"{options.command}: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m service_kit", description="Migrations, topics and dead letters.")
    commands = parser.add_subparsers(dest="command", required=True)

    migrate = commands.add_parser("migrate", help="bring the databases of services up to date")
    migrate.add_argument("services", nargs="+")
    migrate.set_defaults(run=_migrate)

    topics = commands.add_parser("topics", help="make the topics that are missing")
    topics.add_argument("--replication", type=int, help="copies of each partition (the cluster's default)")
    topics.set_defaults(run=_topics)

    letters = commands.add_parser("deadletters", help="what was put aside, and sending it back").add_subparsers(
        dest="action", required=True
    )
    listing = letters.add_parser("list", help="show dead letters; without a topic, all")
    listing.add_argument("topic", nargs="?")
    listing.add_argument("group", nargs="?")
    listing.set_defaults(run=_list)
    replay = letters.add_parser("replay", help="send dead letters to their group's retry topic")
    replay.add_argument("topic")
    replay.add_argument("group")
    replay.add_argument("--event", help="only the event with this id, even if it was replayed before")
    replay.set_defaults(run=_replay)
    return parser


def _migrate(options: argparse.Namespace) -> None:
    from service_kit.migrations import migrate

    for service in options.services:
        migrate(service)
        print(f"{service}: up to date")


def _topics(options: argparse.Namespace) -> None:
    from service_kit.kafka import create_topics

    made = asyncio.run(create_topics(replication=options.replication))
    print(f"made {', '.join(sorted(made))}" if made else "all topics are there")


def _list(options: argparse.Namespace) -> None:
    asyncio.run(_print_letters(options))


async def _print_letters(options: argparse.Namespace) -> None:
    from service_kit.deadletters import dead_letter_topics, read
    from service_kit.kafka.admin import dead_letter_topic

    named = options.topic and options.group
    for name in [dead_letter_topic(options.topic, options.group)] if named else await dead_letter_topics():
        print(name)
        async for letter in read(name):
            state = "replayed" if letter.replayed else "waiting"
            print(f"  {letter.time} {letter.id} {letter.type} from {letter.original} [{state}]\n    {letter.error}")


def _replay(options: argparse.Namespace) -> None:
    from service_kit.deadletters import replay

    sent = asyncio.run(replay(options.topic, options.group, event_id=options.event))
    print(f"{sent} sent to {options.topic}.{options.group}.retry")


if __name__ == "__main__":
    main()
