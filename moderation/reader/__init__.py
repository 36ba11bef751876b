"""The second reader: a small language model that is asked about comments in doubt."""
