"""Calls to other hosts: the only package that opens connections, and only to registered blogs."""
