"""The Akismet channel: the HTTP protocol of existing Akismet clients."""
