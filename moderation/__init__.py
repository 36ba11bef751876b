"""Moderation: self-hosted comment-spam filtering that learns and explains itself."""

__version__ = "0.1.0"
