"""The local SMTP server as a part of the platform."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from local_platform.processes import ChildProcess, Children

READY_TIMEOUT_SECONDS = 30.0


class SmtpServer:
    """`local_platform.smtp` as a child process.

    Args:
        maildir: where messages are kept.
        children: starts its process.
        log: its log file.
        port: reserved by the caller.
    """

    name = "smtp"

    def __init__(self, maildir: Path, children: Children, *, log: Path, port: int) -> None:
        self.maildir, self.log = maildir, log
        self.port = port
        self.process: ChildProcess | None = None
        self._children = children

    @property
    def url(self) -> str:
        """smtp://host:port."""
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it greets. Raises PlatformError otherwise."""
        module = [sys.executable, "-m", "local_platform.smtp"]
        command = [*module, "--port", str(self.port), "--maildir", str(self.maildir)]
        self.process = self._children.spawn(self.name, command, log=self.log)
        self.process.wait_ready(self.greets, READY_TIMEOUT_SECONDS)

    def greets(self) -> bool:
        """Whether a connection is answered with 220."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0) as connection:
                return connection.recv(3, socket.MSG_WAITALL) == b"220"
        except OSError:
            return False

    def stop(self) -> None:
        """Ends it; it can be started again."""
        if self.process is not None:
            self._children.stop([self.process])
