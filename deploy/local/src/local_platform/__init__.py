"""The whole platform on one machine: real Kafka, real Postgres and every service as child processes, without Docker."""
