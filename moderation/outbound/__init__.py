"""Calls to others: the only place that opens connections, and only to blogs that are registered here."""
