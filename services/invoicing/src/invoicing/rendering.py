"""Rendering documents in processes of their own: Typst's memory grows to a plateau, so they are replaced in time."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from service_kit.errors import Transient
from service_kit.logs import logger

if TYPE_CHECKING:
    from invoicing.documents.model import InvoiceDocument

_log = logger(__name__)


class RenderingInterrupted(Transient):
    """A rendering process ended (killed, out of memory): the document is to be tried again."""


class Renderer:
    """A pool of rendering processes, started when the first document comes."""

    def __init__(self, processes: int, documents_each: int) -> None:
        self._processes = processes
        self._documents_each = documents_each
        self._pool: ProcessPoolExecutor | None = None

    async def render(self, document: InvoiceDocument) -> bytes:
        """The PDF of a document.

        Raises:
            RenderingInterrupted: the process died; the pool is made again.
            Exception: what the rendering raised.
        """
        pool = self._started()
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, _render, document)
        except BrokenProcessPool as error:
            if self._pool is pool:
                self.close()
            raise RenderingInterrupted(str(error)) from error

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._processes,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin,
                max_tasks_per_child=self._documents_each,
            )
        return self._pool

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _begin() -> None:
    """Leave Ctrl-C to the parent, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _render(document: InvoiceDocument) -> bytes:
    from invoicing.documents import render  # Typst is loaded in the rendering processes only

    return render(document)
