"""The command line. Each command parses its arguments, calls actions or training, and prints the result."""

from moderation.cli.program import main

__all__ = ["main"]
