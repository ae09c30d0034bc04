"""Kafka: subscriptions, producers and consumers with one set of guarantees, and questions to the cluster."""

from service_kit.kafka.admin import (
    KafkaAway,
    NoSuchTopic,
    beginning_offsets,
    create_topics,
    dead_letter_topic,
    end_offsets,
    group_offsets,
    lag,
    partitions_of,
    retry_topic,
    topic_id,
)
from service_kit.kafka.clients import leave, make_consumer, make_producer, partition_for
from service_kit.kafka.delivery import Retry
from service_kit.kafka.packed import LARGEST_PACKED_BYTES, PackedBatch
from service_kit.kafka.records import Received, Undecodable, cloud_headers, read_record
from service_kit.kafka.subscriptions import Subscriptions

__all__ = [
    "LARGEST_PACKED_BYTES",
    "KafkaAway",
    "NoSuchTopic",
    "PackedBatch",
    "Received",
    "Retry",
    "Subscriptions",
    "Undecodable",
    "beginning_offsets",
    "cloud_headers",
    "create_topics",
    "dead_letter_topic",
    "end_offsets",
    "group_offsets",
    "lag",
    "leave",
    "make_consumer",
    "make_producer",
    "partition_for",
    "partitions_of",
    "read_record",
    "retry_topic",
    "topic_id",
]
