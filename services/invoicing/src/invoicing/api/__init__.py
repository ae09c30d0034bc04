"""HTTP in: parse, call one use case, answer."""

from invoicing.api import accounts, bounds, documents, forecasts, invoices, payments, previews, runs

ROUTERS = [
    runs.router,
    invoices.router,
    documents.router,
    payments.router,
    accounts.router,
    previews.router,
    bounds.router,
    forecasts.router,
]
