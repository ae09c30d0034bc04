"""What the services count; served at /metrics in Prometheus' format."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("farthing_http_requests_total", "HTTP requests answered.", ["service", "method", "route", "status"])
REQUEST_SECONDS = Histogram("farthing_http_request_seconds", "Time to answer.", ["service", "method", "route"])

OUTBOX_SENT = Counter("farthing_outbox_sent_total", "Events acknowledged by the broker.", ["service", "topic"])
OUTBOX_UNSENT = Gauge("farthing_outbox_unsent", "Events waiting in the outbox (counted up to 10,000).", ["service"])
OUTBOX_HELD = Gauge(
    "farthing_outbox_held_keys",
    "Customers or keys whose events are held back behind one that cannot be sent.",
    ["service"],
)
OUTBOX_REFUSED = Counter(
    "farthing_outbox_refused_total", "Attempts to send that the broker refused.", ["service", "topic"]
)
RELAY_ACTIVE = Gauge("farthing_relay_active", "1 where this process is the service's one active relay.", ["service"])

EVENTS_HANDLED = Counter("farthing_events_handled_total", "Events taken in.", ["group", "topic"])
EVENTS_RETRIED = Counter(
    "farthing_events_retried_total", "Attempts that failed and were repeated.", ["group", "topic", "why"]
)
DEAD_LETTERS = Counter("farthing_dead_letters_total", "Records sent to a dead-letter topic.", ["group", "topic"])
