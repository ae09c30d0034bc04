"""Email addresses as they are typed or pasted."""

from __future__ import annotations

import time

import pytest

from customers.domain.emails import needs_smtputf8, read_emails

ANN, BOB = "ann@fenwick.example", "bob@fenwick.example"


@pytest.mark.parametrize(
    "typed",
    [
        f"{ANN},{BOB}", f"{ANN}, {BOB},", f"{ANN}; {BOB}", f"{ANN} {BOB}", f"{ANN}\n{BOB}\r\n", f"{ANN}\t{BOB}",
        f"Ann Ashdown <{ANN}>, Bob <{BOB}>", f'"Ashdown, Ann" <{ANN}>; {BOB}', f"<{ANN}>,<{BOB}>",
        f"mailto:{ANN}, MAILTO:{BOB}", f"{ANN}, {ANN.upper()}, {BOB}", f"\u200b{ANN}\u00a0,\ufeff{BOB}\u2028",
        [ANN, BOB], [f"{ANN}, {BOB}"], ["", f" {ANN} ", f"Bob <{BOB}>"],
    ],
)  # fmt: skip
def test_several_addresses_are_read_however_they_are_separated(typed: str | list[str]) -> None:
    """C1: several addresses, comma separated on screen; the same again changes nothing."""
    assert read_emails(typed) == (ANN, BOB)
    assert read_emails(read_emails(typed)) == (ANN, BOB)


@pytest.mark.parametrize(
    "typed",
    ["bob.o'neil+bills@sub.fenwick.example", "a@b.co", "x_y-z@a-b.example", "1@2.example", "josé@fenwick.example",
     "ann@müller.example", "ann@例え.テスト", "ann@xn--mller-kva.example", "!#$%&'*+/=?^_`{|}~-@fenwick.example",
     "a" * 64 + "@fenwick.example"],
)  # fmt: skip
def test_odd_but_true_addresses_are_taken_as_typed(typed: str) -> None:
    assert read_emails(typed) == (typed,)


@pytest.mark.parametrize(
    "wrong",
    ["ann", "ann@", "@fenwick.example", "ann@fenwick", "ann@@fenwick.example", "a nn@fenwick.example",
     ".ann@fenwick.example", "ann.@fenwick.example", "ann..b@fenwick.example", "ann@-fenwick.example",
     "ann@fenwick.example\nBcc: x@y.example", '"ann smith"@fenwick.example', "ann@[127.0.0.1]", "ann@10.0.0.1",
     "ann@fenwick..example", "ann@fenwick.example.", "ann(work)@fenwick.example", "ann@fen\u200bwick.example",
     "ann\u202e@fenwick.example", "ann@fen_wick-.example", "a" * 65 + "@fenwick.example", f"ann@{'x' * 64}.example",
     f"ann@{'x.' * 130}example", "Ann <ann>", "Ann <>x", "<", '"', "<<a@b.example>>", "ann@\ufffd.example",
     "a\0@b.example",      "ann at fenwick.example", "字" * 30 + "@fenwick.example"],
)  # fmt: skip
def test_an_address_that_cannot_be_written_to_is_named(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not an email address that can be written to"):
        read_emails([ANN, wrong])


def test_all_that_are_wrong_are_told_and_only_those() -> None:
    with pytest.raises(ValueError, match=r"'x'.*'y'") as refused:
        read_emails(f"x, {ANN}, y")
    assert ANN not in str(refused.value)


def test_what_cannot_be_seen_is_named_in_the_error() -> None:
    with pytest.raises(ValueError, match=r"<U\+200B>.*U\+200B ZERO WIDTH SPACE, which cannot be seen"):
        read_emails("ann@fen\u200bwick.example")


@pytest.mark.parametrize(
    "hostile", ["a" * 10_000, "@" * 10_000, '"' * 9_999, "<" * 10_000, "a@b." * 5_000, "a " * 5_000, '"\\' * 5_000]
)
def test_long_nonsense_is_refused_fast_and_told_briefly(hostile: str) -> None:
    began = time.monotonic()
    with pytest.raises(ValueError, match="is not an email address") as refused:
        read_emails(hostile)
    assert time.monotonic() - began < 2
    assert len(str(refused.value)) < 2_000


def test_only_letters_before_the_at_need_a_server_that_takes_them() -> None:
    assert needs_smtputf8("josé@fenwick.example")
    assert not needs_smtputf8("ann@müller.example")
