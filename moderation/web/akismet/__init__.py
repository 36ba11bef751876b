"""Akismet's door: its HTTP protocol as its clients really use it, one file for each group of endpoints."""
