"""`python -m tools.house_rules [ROOT]`: every finding as file:line, and a non-zero exit where there is one."""

from __future__ import annotations

import ast
import re
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
    told = _rules_told(root / "docs" / "rules.md")
    for file in sources(root):
        source = file.read_text(encoding="utf-8")
        tree = ast.parse(source)
        path = file.relative_to(root)
        found = [finding for rule in rules_for(path) for finding in rule(tree)] + [*rules.rules_are_told(source, told)]
        yield from (f"{path}:{line}: {words}" for line, words in found)


def _rules_told(document: Path) -> set[str]:
    """The numbers in the first column of its tables; `P1 to P3` and `N3, N4` are all of them."""
    rows = re.findall(r"^\| ([A-Z]\d[^|]*) \|", document.read_text(encoding="utf-8") if document.exists() else "", re.M)
    told: set[str] = set()
    for row in rows:
        numbers = re.findall(r"([A-Z])(\d+)", row)
        (kind, first), (_, last) = numbers[0], numbers[-1]
        told.update(f"{kind}{number}" for number in range(int(first), int(last) + 1))
    return told


def main() -> int:
    """Print the findings; 1 where there is any."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    found = list(findings(root))
    print("\n".join(found) or f"House rules: {len(sources(root))} files, nothing to say")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
