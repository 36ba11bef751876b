"""Calls of the service to other hosts, the only ones it makes: to blogs, webhooks, a mail server and a model."""
