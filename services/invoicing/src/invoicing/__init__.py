"""Transactions, billing runs, invoices, documents and VAT."""
