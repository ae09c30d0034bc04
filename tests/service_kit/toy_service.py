"""The toy as a whole service: `python -m tests.service_kit.toy_service --roles ... --port ...`."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from fastapi import FastAPI

from service_kit.host import Service, run
from service_kit.http import create_app
from service_kit.settings import ServiceSettings


class Settings(ServiceSettings):
    service: ClassVar[str] = "toy"


def app() -> FastAPI:
    return create_app("toy", title="Toy", description="For tests", routers=[])


async def idle(stop: asyncio.Event) -> None:
    await stop.wait()


async def fail(_: asyncio.Event) -> None:
    raise RuntimeError("the worker broke")


if __name__ == "__main__":
    run(Service("toy", Settings, "0001", app, workers={"idle": idle, "fail": fail}))
