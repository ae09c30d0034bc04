"""CDR files and batches by HTTP, on the topic exactly once (SPEC R2, R3, Z21)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.rating.integration.topic import ends, values_since
from tests.support.platform import unique

from rating.files import files
from rating.service.mappings import UK_STANDARD_CDR, shipped

ROOT = Path(__file__).resolve().parents[3]
HEADER = shipped(UK_STANDARD_CDR).header
BATCH_ROWS = 100


@pytest.fixture(autouse=True)
def settings(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARTHING_KAFKA", kafka)
    monkeypatch.setenv("FARTHING_FILE_BATCH_ROWS", str(BATCH_ROWS))


def row(number: int, **changed: str) -> str:
    cells = {
        "Call Type": "V",
        "Customer Identifier": f"020 7946 {number % 1000:04d}",
        "Telephone Number Dialled": "0161 496 0123",
        "Call Date": "15/01/2025",
        "Call Time": "09:30:00",
        "Duration": "62",
        "Salesprice": "0.0125",
        "Record ID": f"NS-{number:06d}",
    } | {name.replace("_", " "): value for name, value in changed.items()}
    return ",".join(cells.get(name, "") for name in HEADER)


def content(*rows: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (",".join(HEADER), *rows)).encode()


async def hand_in(api: httpx.AsyncClient, body: bytes, source: str, **parameters: str) -> httpx.Response:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    asked = {"source": source, "mapping": UK_STANDARD_CDR, "name": "january.csv", **parameters}
    return await api.post("/cdr-files", params=asked, content=pieces(), headers={"Content-Type": "text/csv"})


async def published(api: httpx.AsyncClient, file_id: int, seconds: float = 30) -> dict[str, Any]:
    """Play the role until the file is published."""
    stop = asyncio.Event()
    role = asyncio.create_task(files(stop))
    try:
        deadline = time.monotonic() + seconds
        while (file := (await api.get(f"/cdr-files/{file_id}")).json())["state"] != "published":
            assert time.monotonic() < deadline, file
            await asyncio.sleep(0.05)
        return dict(file)
    finally:
        stop.set()
        await role


async def test_a_file_is_on_the_topic_row_by_row(rating_api: httpx.AsyncClient, kafka: str) -> None:
    """R2: accepted and rejected rows are counted; an unreadable one says why and keeps its text."""
    start, source = await ends(kafka), unique("northstar")
    bad = row(2, Duration="12x")
    answer = await hand_in(rating_api, content(row(1), bad, "", row(3)), source)
    assert answer.status_code == 202
    assert answer.json()["state"] == "received"
    file_id = answer.json()["file_id"]
    file = await published(rating_api, file_id)
    assert (file["rows"], file["accepted"], file["rejected"]) == (3, 2, 1)
    records = sorted(await values_since(kafka, start), key=lambda each: each[1]["origin"]["row"])
    assert [value["origin"] for _, value in records] == [{"file_id": file_id, "row": number} for number in (1, 2, 4)]
    assert [key for key, _ in records] == ["020 7946 0001", "020 7946 0002", "020 7946 0003"]
    assert records[0][1] == {
        "source": source,
        "record_id": "NS-000001",
        "charged_number": "020 7946 0001",
        "other_party": "0161 496 0123",
        "direction": "outbound",
        "service_type": "voice",
        "start": "2025-01-15T09:30:00Z",
        "duration_seconds": 62,
        "currency": "GBP",
        "cdr_cost": "0.0125",
        "origin": {"file_id": file_id, "row": 1},
    }
    rejected = records[1][1]
    assert rejected["intake_error"]["reason"] == "bad_duration"
    assert (rejected["intake_error"]["field"], rejected["raw"]) == ("Duration", bad)
    listed = (await rating_api.get("/cdr-files")).json()["items"]
    assert [each["file_id"] for each in listed] == [file_id]


async def test_the_same_content_is_accepted_once(rating_api: httpx.AsyncClient) -> None:
    """R2: by content, whatever its name; the answer names the file that had it."""
    body = content(row(1))
    first = await hand_in(rating_api, body, "northstar")
    again = await hand_in(rating_api, body, "livewire", name="other.csv")
    assert again.status_code == 409
    problem = again.json()
    assert (problem["file_id"], problem["name"]) == (first.json()["file_id"], "january.csv")
    assert problem["received_at"] in problem["detail"]
    assert len((await rating_api.get("/cdr-files")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"a,b\n", "2 columns"),
        (content().replace(b"Call Date", b"Day"), "'Day'"),
    ],
)
async def test_a_file_with_another_header_is_refused(rating_api: httpx.AsyncClient, body: bytes, says: str) -> None:
    """R2: nothing of it is kept."""
    refused = await hand_in(rating_api, body, "northstar")
    assert refused.status_code == 422
    assert says in refused.json()["detail"]
    assert (await rating_api.get("/cdr-files")).json()["items"] == []
    assert (await hand_in(rating_api, content(row(1)), "northstar", mapping="none")).status_code == 422


async def test_pieces_of_a_file_may_cut_rows_and_letters(rating_api: httpx.AsyncClient, kafka: str) -> None:
    """R2: a file of more than one stored piece, with letters of several bytes, quotes and no last line end."""
    start = await ends(kafka)
    rows = [row(number, Description=f'"Café {"é" * (number % 50)}, late"') for number in range(9_000)]
    answer = await hand_in(rating_api, b"\xef\xbb\xbf" + content(*rows).rstrip(), unique("northstar"))
    assert answer.json()["bytes"] > 1 << 20
    file = await published(rating_api, answer.json()["file_id"])
    assert (file["rows"], file["rejected"]) == (9_000, 0)
    ids = [value["record_id"] for _, value in await values_since(kafka, start)]
    assert sorted(ids) == [f"NS-{number:06d}" for number in range(9_000)]


async def test_two_processes_publish_each_file_once(rating_api: httpx.AsyncClient, kafka: str) -> None:
    """R2: a file is claimed by one of them."""
    start, source = await ends(kafka), unique("northstar")
    sent = [await hand_in(rating_api, content(row(n), row(n + 50)), source, name=f"{n}.csv") for n in range(6)]
    ids = [answer.json()["file_id"] for answer in sent]
    await asyncio.gather(*(published(rating_api, file_id) for file_id in ids))
    found = [value["record_id"] for _, value in await values_since(kafka, start)]
    assert len(found) == len(set(found)) == 12


@pytest.mark.faults
async def test_a_file_is_on_the_topic_once_however_often_its_publisher_is_killed(
    rating_api: httpx.AsyncClient, kafka: str
) -> None:
    """R2: killed inside a Kafka transaction and behind it, a batch after the other; every row is counted once."""
    start = await ends(kafka)
    rows = [row(number, Duration="x" if number % 7 == 0 else "62") for number in range(250)]
    file_id = (await hand_in(rating_api, content(*rows), unique("northstar"))).json()["file_id"]
    ended = [await killed(point) for point in ["rating.file.sending", "rating.file.sent"] * 3]
    assert ended == [-signal.SIGKILL] * 6, "each batch is sent twice, once in vain"
    assert (await rating_api.get(f"/cdr-files/{file_id}")).json()["state"] == "publishing"
    file = await published(rating_api, file_id)
    assert (file["rows"], file["rejected"]) == (250, 36)
    found = [value["record_id"] for _, value in await values_since(kafka, start)]
    assert sorted(found) == [f"NS-{number:06d}" for number in range(250)]


async def killed(point: str) -> int:
    """Publish in another process that kills itself at a point. Returns how it ended."""
    command = [sys.executable, "-m", "tests.rating.integration.publisher"]
    environment = {**os.environ, "FARTHING_CRASH_POINTS": f"{point}=1"}
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)
    return await asyncio.wait_for(process.wait(), 60)


async def test_a_batch_is_on_the_topic_as_it_was_sent(rating_api: httpx.AsyncClient, kafka: str) -> None:
    """R2: unreadable records are published too, and end as rejected."""
    start, source = await ends(kafka), unique("livewire")
    good = {
        "source": source,
        "record_id": "LW-1",
        "charged_number": "+442079460001",
        "other_party": "+441614960123",
        "start": "2025-01-15T09:30:00Z",
        "duration_seconds": "61.5",
    }
    records = [good, {**good, "record_id": ""}, {**good, "cdr_cost": 0.5}, 42, {**good, "raw": "x" * 100_000}]
    answer = await rating_api.post("/cdrs", json={"records": records})
    assert answer.status_code == 202
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (1, 4)
    assert [problem["reason"] for problem in answer.json()["problems"]] == [
        "missing_record_id",
        "bad_field",
        "bad_field",
        "too_large",
    ]
    values = [value for _, value in await values_since(kafka, start)]
    assert len(values) == 5
    assert all(record in values for record in records[:4])


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"records": []}', b'{"records": 1}', b'{"records": [1', b'{"cdrs": []}']
)
async def test_what_is_no_batch_is_refused(rating_api: httpx.AsyncClient, body: bytes) -> None:
    assert (await rating_api.post("/cdrs", content=body)).status_code == 422


async def test_a_batch_has_1000_records_at_most(rating_api: httpx.AsyncClient) -> None:
    body = json.dumps({"records": [{}] * 1001})
    assert (await rating_api.post("/cdrs", content=body)).status_code == 422
    huge = b" " * (17 * 1024 * 1024)
    assert (await rating_api.post("/cdrs", content=huge)).status_code == 413
