"""Calls to other hosts: the only package that opens connections, and only to blogs, webhooks and a mail server."""
