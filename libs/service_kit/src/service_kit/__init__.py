"""What every service is built from: transactions, outbox, inbox, Kafka, HTTP, tokens, clock, logs."""
