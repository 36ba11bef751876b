"""Calls of the service to other hosts, the only ones: blogs, webhooks, a mail server, a model and an OIDC provider."""
