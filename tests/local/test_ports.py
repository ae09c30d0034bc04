"""Ports are found without two platforms taking the same."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local_platform import ports
from local_platform.errors import PlatformError
from local_platform.ports import PortBook


def test_a_reserved_port_is_not_given_to_another_process_before_anybody_listens() -> None:
    port = ports.reserve()
    code = f"from local_platform import ports; ports.reserve({port})"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"Port {port} is taken" in other.stderr
    ports.release(port)
    assert ports.reserve(port) == port
    ports.release(port)


def test_a_port_that_somebody_listens_on_is_refused_with_its_number() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PlatformError, match=f"Port {port} is taken"):
            ports.reserve(port)


def test_a_platform_gets_its_ports_of_the_last_time_where_they_are_free(tmp_path: Path) -> None:
    book = PortBook(tmp_path / "ports.json", {})
    kafka, rating = book.take("kafka"), book.take("rating")
    book.save()
    book.close()
    with socket.create_server(("127.0.0.1", kafka)):
        again = PortBook(tmp_path / "ports.json", {})
        assert again.take("rating") == rating
        assert again.take("kafka") != kafka
        again.close()
