"""Offline training: corpora in, models and evaluations out. The serving process never imports this package."""
