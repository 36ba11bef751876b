"""Measurements of quality and speed; `python -m tests.benchmarks` runs them all, a name runs one."""
