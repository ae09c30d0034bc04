"""HTTP in, by business noun: parse, call one use case, answer."""

from fastapi import APIRouter

from customers.api import customers, imports, increases, numbers, prices, reference, search

ROUTERS: list[APIRouter] = [
    search.router,
    customers.router,
    numbers.router,
    imports.router,
    reference.router,
    prices.router,
    increases.router,
]

__all__ = ["ROUTERS"]
