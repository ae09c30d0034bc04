"""Every table of customers, and every query, by business noun. Each function works on the connection it is given."""
