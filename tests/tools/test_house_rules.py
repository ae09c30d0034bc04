"""Each house rule is seen to fail on the thing it forbids."""

import subprocess
import sys
from pathlib import Path

import pytest
from tools.house_rules.__main__ import findings

ROOT = Path(__file__).parents[2]

BAD = [
    ("libs/money/src/money/x.py", "price = 0.1", "the float 0.1"),
    ("libs/contracts/src/contracts/x.py", "net: float", "float: use Decimal"),
    ("services/rating/src/rating/domain/x.py", "def f(a): return float(a)", "float: use Decimal"),
    ("services/invoicing/src/invoicing/domain.py", "net = round(net, 2)", "round()"),
    ("services/invoicing/src/invoicing/service.py", "import datetime\nd = datetime.date.today()", "date.today()"),
    (
        "services/invoicing/src/invoicing/store.py",
        "from datetime import datetime\nd = datetime.now()",
        "datetime.now()",
    ),
    ("services/customers/src/customers/consumers.py", "@broker.subscriber('billing')\ndef f(): ...", "subscriber()"),
    ("services/rating/src/rating/worker.py", "c = AIOKafkaConsumer('cdr.received')", "AIOKafkaConsumer()"),
    (
        "services/customers/src/customers/api.py",
        "async def f():\n    async with transaction() as tx: ...",
        "transaction()",
    ),
    ("services/rating/src/rating/store.py", '"""SPEC Q99."""', "SPEC Q99: docs/rules.md has no such rule"),
]


@pytest.mark.parametrize(("path", "code", "complaint"), BAD, ids=[complaint for _, _, complaint in BAD])
def test_a_breach_is_named_with_its_place(tmp_path: Path, path: str, code: str, complaint: str) -> None:
    """DESIGN, Rules of the road: no float or round() on money, no wall time, subscribers only through the factory."""
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(code)
    found = list(findings(tmp_path))
    assert len(found) == 1
    assert found[0].startswith(f"{path}:")
    assert complaint in found[0]


GOOD = [
    ("services/rating/src/rating/worker.py", "await asyncio.wait_for(x, timeout=0.5)"),
    ("libs/service_kit/src/service_kit/clock.py", "now = datetime.now(UTC)"),
    ("libs/service_kit/src/service_kit/kafka.py", "c = AIOKafkaConsumer('cdr.received')"),
    ("services/customers/src/customers/service.py", "async def f():\n    async with transaction() as tx: ..."),
    ("libs/money/src/money/x.py", "bad = isinstance(value, float)"),
]


@pytest.mark.parametrize(("path", "code"), GOOD)
def test_what_is_allowed_passes(tmp_path: Path, path: str, code: str) -> None:
    """A lint that cries without reason is turned off."""
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(code)
    assert list(findings(tmp_path)) == []


BAD_IMPORTS = [
    ("services/rating/src/rating/domain/__init__.py", "import sqlalchemy", "A domain knows no framework"),
    ("services/rating/src/rating/store/__init__.py", "import invoicing", "Services never import one another"),
    ("libs/contracts/src/contracts/base.py", "import service_kit", "services -> service_kit -> contracts"),
    ("libs/money/src/money/vat.py", "import pydantic", "Money is pure"),
    ("services/customers/src/customers/domain.py", "import customers.store", "the flow goes one way"),
]


@pytest.mark.parametrize(("path", "line", "contract"), BAD_IMPORTS, ids=[line for _, line, _ in BAD_IMPORTS])
def test_a_bad_import_breaks_its_contract(tmp_path: Path, path: str, line: str, contract: str) -> None:
    """DESIGN, Layout: import-linter holds it, and is seen to fail."""
    for part in ("libs", "services", "deploy"):
        _copy_sources(ROOT / part, tmp_path / part)
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    guilty = tmp_path / path
    guilty = guilty if guilty.exists() else guilty.with_suffix("") / "__init__.py"
    guilty.write_text(guilty.read_text() + f"\n{line}\n")
    result = _lint_imports(tmp_path)
    assert result.returncode != 0
    assert any(contract in text and "BROKEN" in text for text in result.stdout.splitlines()), result.stdout


def _copy_sources(source: Path, target: Path) -> None:
    for file in source.glob("**/src/**/*.py"):
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())


def _lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    paths = [str(path) for path in sorted(folder.glob("*/*/src")) + sorted(folder.glob("deploy/local/src"))]
    environment = {"PYTHONPATH": ":".join(paths), "PATH": "/usr/bin:/bin", "NO_COLOR": "1", "COLUMNS": "200"}
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
