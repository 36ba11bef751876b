"""Our own door: JSON under `/v1`, its OpenAPI document, and a page that shows it."""
