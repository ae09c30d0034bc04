"""The rules, one function each: a module's syntax tree in, (line, what is wrong) out."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator

Finding = tuple[int, str]

_WALL_TIME = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
}
_CITED = re.compile(r"\bSPEC ((?:[A-Z]\d+)(?:(?:, | and | to )[A-Z]\d+)*)")
_SUBSCRIBER_MAKERS = {"subscriber", "AIOKafkaConsumer", "KafkaBroker", "Consumer"}


def no_float_money(tree: ast.Module) -> Iterator[Finding]:
    """Money and everything in a domain is exact: no float literal, no `float(...)`, no annotation `float`."""
    tolerated = {id(name) for call in _calls(tree, "isinstance") for name in ast.walk(call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.lineno, f"the float {node.value!r}: use Decimal or integer micro-pounds"
        elif isinstance(node, ast.Name) and node.id == "float" and id(node) not in tolerated:
            yield node.lineno, "float: use Decimal or integer micro-pounds"


def no_builtin_round(tree: ast.Module) -> Iterator[Finding]:
    """`round()` rounds half to even; money.rounding rounds half up (SPEC Z1)."""
    for call in _calls(tree, "round"):
        yield call.lineno, "round(): use money.rounding, which rounds half up"


def no_wall_time(tree: ast.Module) -> Iterator[Finding]:
    """Business time comes from the movable clock; the machine's time is asked for in one place only."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = node.func.value
        name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
        if (name, node.func.attr) in _WALL_TIME:
            yield node.lineno, f"{name}.{node.func.attr}(): use service_kit.clock, so that tests can move time"


def subscribers_from_the_factory(tree: ast.Module) -> Iterator[Finding]:
    """A consumer made by hand has the library's defaults, which lose messages."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _SUBSCRIBER_MAKERS:
            yield node.lineno, f"{name}(): make consumers through service_kit.kafka, which acks after success"


def transactions_in_use_cases(tree: ast.Module) -> Iterator[Finding]:
    """`transaction()` is opened in service.py alone, so that a use case is one transaction."""
    for call in _calls(tree, "transaction"):
        yield call.lineno, "transaction(): open it in a use case (service.py)"


def rules_are_told(source: str, told: Collection[str]) -> Iterator[Finding]:
    """A rule that is cited is one of those that docs/rules.md tells."""
    for line, words in enumerate(source.splitlines(), start=1):
        for cited in re.findall(r"[A-Z]\d+", " ".join(_CITED.findall(words))):
            if cited not in told:
                yield line, f"SPEC {cited}: docs/rules.md has no such rule"


def _calls(tree: ast.Module, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


Rule = Callable[[ast.Module], Iterator[Finding]]
