"""The HTTP channels: parse a request, call one action, render its result."""
