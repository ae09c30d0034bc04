"""What rating costs, measured on real Kafka and real Postgres. `python -m bench.rating --help`; docs/benchmarks.md."""
