"""Offline: corpora in, models and honest figures out. The serving process never imports this package."""
