"""HTTP in: parse, call one use case, answer."""

from invoicing.api import documents, invoices, later, runs

ROUTERS = [runs.router, invoices.router, documents.router, later.router]
