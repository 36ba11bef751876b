"""The JSON channel: `/v1`, its OpenAPI document, and a page that shows the document."""
