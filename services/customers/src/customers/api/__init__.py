"""HTTP in, by business noun: parse, call one use case, answer."""

from fastapi import APIRouter

from customers.api import (
    annual,
    charges,
    customers,
    features,
    imports,
    increases,
    listing,
    numbers,
    prices,
    reference,
    search,
)

ROUTERS: list[APIRouter] = [
    search.router,
    listing.router,
    customers.router,
    numbers.router,
    features.router,
    charges.router,
    *imports.ROUTERS,
    reference.router,
    prices.router,
    increases.router,
    annual.router,
]

__all__ = ["ROUTERS"]
