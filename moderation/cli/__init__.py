"""The command line: parse, call one action, print."""

from moderation.cli.program import main

__all__ = ["main"]
