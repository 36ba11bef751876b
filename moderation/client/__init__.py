"""A client for blogs that are written in Python. It needs nothing but the standard library."""

from moderation.client.answers import (
    Answer,
    ClientError,
    ConfigurationError,
    NoAnswer,
    OnError,
    Refused,
    Unavailable,
)
from moderation.client.breaker import CircuitBreaker
from moderation.client.calls import Client
from moderation.client.delivery import Delivery

__all__ = [
    "Answer",
    "CircuitBreaker",
    "Client",
    "ClientError",
    "ConfigurationError",
    "Delivery",
    "NoAnswer",
    "OnError",
    "Refused",
    "Unavailable",
]
