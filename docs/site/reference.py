"""The pages of the reference that are generated from the code: commands, routes, the API's schemas, metrics."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from inspect import getdoc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from moderation.cli import main
from moderation.cli.program import COMMANDS
from moderation.settings import Settings
from moderation.web.api.openapi import document
from moderation.web.app import create_app
from moderation.wiring import prepare

_HELP_WIDTH = 100
_COMMANDS = """# Help of each command

The output of `--help`. [The command line](../cli.md) explains the commands.
"""
_ROUTES = """# Routes

Each route of the service, from its table. [HTTP](../http.md) explains them, and [the schemas](api.md) have the bodies
of the JSON API.
"""
_API = """# Schemas of the JSON API

From the OpenAPI document, which a running service has at `/openapi.json`, and as a page at `/docs`.
[HTTP](../http.md) explains the calls.
"""
_METRICS = """# Metrics

Each metric of `/metrics`, from its registry. [Health](../http.md#health) has the labels.

| metric | type | meaning |
|---|---|---|
"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command with the words that call it."""
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert command
        if isinstance(command, click.Group):
            yield from ((f"moderation {name} {part}", child) for part, child in command.commands.items())
        else:
            yield f"moderation {name}", command


def commands_page() -> str:
    """Return the help of every command."""
    parts = [_COMMANDS]
    for words, command in commands():
        context = click.Context(command, info_name=words, max_content_width=_HELP_WIDTH, terminal_width=_HELP_WIDTH)
        parts.append(f"## {words}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


@contextmanager
def empty_service() -> Iterator[Flask]:
    """Yield the application of a service with an empty database, in a folder that is removed afterwards."""
    with TemporaryDirectory() as folder:
        settings = Settings(var=Path(folder) / "var", models=Path(folder) / "models", database_url="")
        services = prepare(settings)
        try:
            yield create_app(services, settings)
        finally:
            services.engine.dispose()


def routes_page(app: Flask) -> str:
    """Return every route with its methods and the first sentence of its view."""
    rows = []
    for rule in app.url_map.iter_rules():
        methods = ", ".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        path = re.sub(r"^/static/[0-9a-f]+/", "/static/<digest>/", re.sub(r"<[^:<>]+:", "<", rule.rule))
        sentence = (getdoc(app.view_functions[rule.endpoint]) or "").partition("\n")[0]
        rows.append((path, methods, _cell(sentence) or "[see there](../http.md)"))
    table = "".join(f"| `{methods} {path}` | {sentence} |\n" for path, methods, sentence in sorted(rows))
    return f"{_ROUTES}\n| route | effect |\n|---|---|\n{table}"


def metrics_page(app: Flask) -> str:
    """Return every metric with its type and meaning."""
    families = text_string_to_metric_families(app.test_client().get("/metrics").text)
    rows = sorted(
        (f"{family.name}_total" if family.type == "counter" else family.name, family.type, _cell(family.documentation))
        for family in families
        if not family.name.endswith("_created")
    )
    return _METRICS + "".join(f"| `{name}` | {kind} | {meaning} |\n" for name, kind, meaning in rows)


def api_page() -> str:
    """Return every operation and every schema of the OpenAPI document."""
    spec = document()
    parts = [_API, "## Operations\n"]
    for path, operations in spec["paths"].items():
        parts += [_operation(method, path, operation) for method, operation in operations.items()]
    parts.append("## Schemas\n")
    parts += [_schema(name, schema) for name, schema in spec["components"]["schemas"].items()]
    return "\n".join(parts)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    key = "Needs the site's key or a token." if operation.get("security") else "Needs no key."
    lines = [f"### {method.upper()} {path}\n", f"{operation['summary']} {key}\n"]
    lines += [
        f"- `{parameter['name']}` in the {parameter['in']}: {_shape(parameter['schema'])}"
        for parameter in operation.get("parameters", ())
    ]
    if "requestBody" in operation:
        lines.append(f"- body: {_content(operation['requestBody'])}")
    bodies: dict[str, list[str]] = {}
    for status, response in operation["responses"].items():
        bodies.setdefault(_content(response) or "no body", []).append(status)
    lines += [f"- {', '.join(statuses)}: {body}" for body, statuses in bodies.items()]
    return "\n".join(lines) + "\n"


def _content(holder: Mapping[str, Any]) -> str:
    return ", ".join(f"`{kind}`, {_shape(content['schema'])}" for kind, content in holder.get("content", {}).items())


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    lines = [f"### {name}\n", f"{_cell(schema.get('description', ''))}\n"]
    if "properties" not in schema:
        return "\n".join([*lines, f"{_shape(schema)}\n"])
    lines.append("| field | value | meaning |\n|---|---|---|")
    required = set(schema.get("required", ()))
    for field, rule in schema["properties"].items():
        value = _shape(rule) + (", required" if field in required else "")
        lines.append(f"| `{field}` | {value} | {_cell(rule.get('description', ''))} |")
    return "\n".join(lines) + "\n"


def _shape(rule: Mapping[str, Any]) -> str:
    """Describe the values that a schema allows, with a link to each schema that it refers to."""
    if "$ref" in rule:
        name = rule["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in rule:
            return " or ".join(map(_shape, rule[several]))
    if "enum" in rule or "const" in rule:
        return " or ".join(f"`{json.dumps(value)}`" for value in rule.get("enum", [rule.get("const")]))
    if rule.get("type") == "array":
        return f"list of {_shape(rule.get('items', {}))}"
    limits = {"minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "pattern", "format", "default"}
    details = "".join(f", {limit} `{json.dumps(rule[limit])}`" for limit in sorted(limits & rule.keys()))
    return f"{rule.get('type', 'any value')}{details}"


def _cell(text: str) -> str:
    return escape(" ".join(text.split()), quote=False).replace("|", "\\|").replace("&lt;", "\\<").replace("*", "\\*")
