"""The seeded carrier: customers, tariffs and a month of CDRs, written as a folder of plain files."""
