"""The benchmark of searching: SmartSearch, QuickSearch and a customer's page over many customers (SPEC F4)."""
