"""`python -m tools.house_rules [ROOT]`: every finding as file:line, and a non-zero exit where there is one."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.house_rules import rules


def rules_for(path: Path) -> Iterator[rules.Rule]:
    """Which rules hold in a file, by where it stands."""
    parts = path.parts
    if "service_kit" not in parts:  # which holds no money: it rounds seconds of back-off
        yield rules.no_builtin_round
    if "money" in parts or "contracts" in parts or _is(path, "domain"):
        yield rules.no_float_money
    if "service_kit" not in parts:
        yield rules.subscribers_from_the_factory
    if path.name != "clock.py":
        yield rules.no_wall_time
    if "services" in parts and not _is(path, "service"):
        yield rules.transactions_in_use_cases


def _is(path: Path, room: str) -> bool:
    return path.stem == room or room in path.parent.parts


def sources(root: Path) -> list[Path]:
    """Every source file of the libraries and services."""
    return sorted(file for part in ("libs", "services") for file in (root / part).glob("*/src/**/*.py"))


def findings(root: Path) -> Iterator[str]:
    """Every breach of a rule beneath a checkout, as `file:line: what is wrong`."""
    for file in sources(root):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        path = file.relative_to(root)
        for rule in rules_for(path):
            yield from (f"{path}:{line}: {words}" for line, words in rule(tree))


def main() -> int:
    """Print the findings; 1 where there is any."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    found = list(findings(root))
    print("\n".join(found) or f"House rules: {len(sources(root))} files, nothing to say")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
