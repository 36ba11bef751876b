"""Measurements of quality, speed and code size: `make bench`, or `make bench-NAME` for one of them."""
