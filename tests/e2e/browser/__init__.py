"""The moderators' pages in a real browser, on a large database."""
