"""HTTP in, by business noun: parse, call one use case, answer."""

from fastapi import APIRouter

from customers.api import customers, imports, numbers, reference

ROUTERS: list[APIRouter] = [customers.router, numbers.router, imports.router, reference.router]

__all__ = ["ROUTERS"]
