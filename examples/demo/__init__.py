"""A month of a small carrier, from CDRs to emailed invoices: `python -m examples.demo`."""
