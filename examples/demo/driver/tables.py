"""The tables at the end."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from examples.demo.driver.figures import OUTCOMES, Figures
from examples.demo.driver.mail import Post
from rich.console import Console
from rich.table import Table

SHOWN_DIFFERENCES = 25


def records(figures: Figures) -> Table:
    """CDRs in = rated + unpriced + suspended + ignored + duplicate + rejected, by source."""
    table = Table(title="CDRs in, and what became of them", title_justify="left")
    table.add_column("source")
    for name in ("in", *OUTCOMES):
        table.add_column(name, justify="right")
    for source, counts in sorted(figures.outcomes.items()):
        table.add_row(source, *_numbers(sum(counts.values()), *(counts[outcome] for outcome in OUTCOMES)))
    table.add_section()
    table.add_row("all", *_numbers(figures.received, *(figures.total(outcome) for outcome in OUTCOMES)))
    return table


def charges(figures: Figures) -> Table:
    """Charges rated = billed + unbilled by reason."""
    table = Table(title="Call charges rated, and where they are", title_justify="left")
    table.add_column("")
    table.add_column("pounds, net", justify="right")
    table.add_row("rated", _money(figures.rated))
    table.add_section()
    table.add_row("billed", _money(figures.billed))
    for reason, amount in sorted(figures.unbilled().items()):
        table.add_row(f"unbilled: {reason.replace('_', ' ')}", _money(amount))
    return table


def bills(figures: Figures, reference_gross: Decimal, post: Post, pdfs: int) -> Table:
    """Invoices, VAT, emails, documents."""
    table = Table(title="The bill", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("invoices", f"{len(figures.invoices):,}")
    table.add_row("net", _money(figures.net))
    table.add_row("VAT", _money(figures.vat))
    table.add_row("gross", _money(figures.gross))
    table.add_row("gross by the reference", _money(reference_gross))
    table.add_section()
    table.add_row("invoices with an email address", f"{post.addressed:,}")
    table.add_row("messages in the Maildir", f"{post.letters:,}")
    table.add_row("PDFs fetched, digests right", f"{pdfs:,}")
    return table


def places(console: Console, maildir: Path, invoices: Path) -> None:
    """Where to look."""
    console.print(f"Mail:     {maildir}", soft_wrap=True)
    for path in sorted(invoices.glob("*.pdf"))[:3]:
        console.print(f"Invoice:  {path}", soft_wrap=True)
    console.print(f"and more in {invoices}", soft_wrap=True)


def differences(console: Console, found: Sequence[str]) -> None:
    """The first differences, or that there is none."""
    if not found:
        console.print("[bold green]Everything agrees, with itself and with the reference, to the penny.[/bold green]")
        return
    console.print(f"[bold red]{len(found):,} differences[/bold red], the first:")
    for text in found[:SHOWN_DIFFERENCES]:
        console.print(f"  {text}", markup=False, soft_wrap=True)


def _numbers(*counts: int) -> list[str]:
    return [f"{count:,}" for count in counts]


def _money(amount: Decimal) -> str:
    return f"{amount:,f}"
