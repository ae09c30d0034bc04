"""HTTP in, by business noun: parse, call one use case, answer."""

from fastapi import APIRouter

from customers.api import annual, customers, imports, increases, listing, numbers, prices, reference, search

ROUTERS: list[APIRouter] = [
    search.router,
    listing.router,
    customers.router,
    numbers.router,
    imports.router,
    reference.router,
    prices.router,
    increases.router,
    annual.router,
]

__all__ = ["ROUTERS"]
