"""Many customers, or many numbers, at once."""

from customers.api.imports import customers, numbers
from service_kit.http import Router

ROUTERS: list[Router] = [customers.router, numbers.router]

__all__ = ["ROUTERS"]
