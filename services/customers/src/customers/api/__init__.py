"""HTTP in, by business noun: parse, call one use case, answer."""

from fastapi import APIRouter

from customers.api import (
    annual,
    auditing,
    cards,
    charges,
    customers,
    default_sets,
    features,
    imports,
    increases,
    lifecycle,
    listing,
    numbers,
    overview,
    prices,
    reference,
    reports,
    search,
)

ROUTERS: list[APIRouter] = [
    search.router,
    listing.router,
    cards.router,
    overview.router,
    default_sets.router,  # before the customers: "new" is no id
    customers.router,
    lifecycle.router,
    auditing.router,
    numbers.router,
    features.router,
    charges.router,
    *imports.ROUTERS,
    reference.router,
    prices.router,
    increases.router,
    annual.router,
    reports.router,
]

__all__ = ["ROUTERS"]
