"""The pages are complete: settings, commands, exit codes, reasons, figures. `tests/web` checks docs/http.md."""

import json
import math
import re
from pathlib import Path

import yaml

from docs.site.links import linked_files, place
from docs.site.reference import commands, commands_page
from moderation.actions.background import SHADOW_PAUSE_SECONDS
from moderation.actions.list_preview import MAX_DECISIONS, MAX_MATCH_RATE, PREVIEW_DAYS
from moderation.actions.shadow import MAX_PER_ROUND
from moderation.domain.errors import ERROR_MAPPINGS
from moderation.domain.lists import DEFAULT_WEIGHT, MAX_ENTRIES, MAX_WEIGHT
from moderation.features.list_keys import MAX_KEY_LENGTH
from moderation.settings import Settings
from moderation.storage.postgresql import ERRORS_BY_STATE, UNREACHABLE
from moderation.storage.shadow import MAX_CHANGED
from moderation.training import gate
from moderation.training.low_priority import DEFAULT_MEMORY_MB
from moderation.training.retraining import MAX_PER_CAMPAIGN, MAX_PER_TEXT
from tests.e2e.clients import CLIENTS
from tests.shipped import SHIPPED_MODEL_ID
from tests.web.test_akismet_shapes import SHAPES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
MAX_README_LINES = 90


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def section_of(words: str) -> str:
    """Return the table row or the paragraph of docs/cli.md that begins with a command."""
    pattern = rf"^(?:\| )?`{re.escape(words)}[` ](?:[^\n]+\n)+?(?=\||\n|\Z)"
    (section,) = re.findall(pattern, page("cli.md"), re.MULTILINE) or [""]
    return str(section)


def test_every_setting_is_documented() -> None:
    """docs/settings.md has a row for each variable, with its sentence and its default."""
    missing = []
    for name, field in Settings.model_fields.items():
        variable = str(field.validation_alias or f"MODERATION_{name.upper()}")
        (row,) = re.findall(rf"^\| `{variable}` \|.*$", page("settings.md"), re.MULTILINE) or [""]
        default = str(field.default).lower() or "empty" if isinstance(field.default, int | float | str) else "`"
        if (field.description or "?").rstrip(".") not in row or default not in row:
            missing.append(variable)
    assert missing == []


def test_every_command_and_option_is_documented() -> None:
    """docs/cli.md has a row or a paragraph for each command, with each of its options."""
    missing = [
        f"{words} {option}"
        for words, command in commands()
        for option in ("", *(name for parameter in command.params for name in parameter.opts if name.startswith("--")))
        if option not in section_of(words) or not section_of(words) or not command.help
    ]
    assert missing == []


def test_the_generated_help_is_complete() -> None:
    """The site's page has each command with each option, and nothing of the machine that built it."""
    page = commands_page()
    sections = dict(re.findall(r"^## (moderation [^\n]+)\n+```text\n(.+?)^```", page, re.MULTILINE | re.DOTALL))
    assert list(sections) == [words for words, _ in commands()]
    missing = [
        f"{words} {option}"
        for words, command in commands()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and option not in sections[words]
    ]
    assert missing == [] and str(Path.home()) not in page and str(ROOT) not in page


def test_every_page_has_a_place_on_the_site() -> None:
    """mkdocs.yml lists each page once; the page of decisions lists those by itself."""
    nav = re.findall(r"[\w/.-]+\.md", json.dumps(yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]))
    generated = {f"reference/{name}.md" for name in ("api", "commands", "metrics", "routes")}
    pages = {place(name) for name in linked_files() if name.endswith(".md")} | {path.name for path in DOCS.glob("*.md")}
    assert sorted(nav) == sorted(pages | generated | {"decisions/index.md", "figures.md"})


def test_every_error_of_postgresql_is_documented() -> None:
    """docs/postgresql.md has a row for each sentence that the server's usual states cause."""
    beginnings = re.findall(r"^\| (The [^|]+) \|", page("postgresql.md"), re.MULTILINE)
    rare = {"25P03", "40", "53200", "58", "XX001", "XX002"}
    sentences = {sentence for state, sentence in ERRORS_BY_STATE.items() if state not in rare} | {UNREACHABLE}
    assert [sentence for sentence in sentences if not sentence.startswith(tuple(beginnings))] == []
    assert [start for start in beginnings if not any(sentence.startswith(start) for sentence in sentences)] == []


def test_every_exit_code_is_documented() -> None:
    """Each error of the tree has a place in the row of its code."""
    table = page("cli.md").partition("## Exit codes")[2]
    rows = dict(re.findall(r"^\| (\d+) (\|.*)$", table, re.MULTILINE))
    missing = [
        kind.__name__
        for kind, mapping in ERROR_MAPPINGS.items()
        if str(mapping.exit_code) not in rows
        or (mapping.exit_code != 1 and kind.__name__ not in rows[str(mapping.exit_code)])
    ]
    assert missing == []


def test_every_status_is_documented() -> None:
    """docs/http.md has a row for each HTTP status of an error; a conflict (409) arises on the command line only."""
    statuses = {mapping.status for mapping in ERROR_MAPPINGS.values()} - {409}
    documented = {int(status) for status in re.findall(r"^\| (\d{3}) \|", page("http.md"), re.MULTILINE)}
    assert statuses - documented == set()


def test_every_figure_of_a_card_is_documented() -> None:
    """docs/cli.md names each metric of the default model's card."""
    card = json.loads((ROOT / "models" / SHIPPED_MODEL_ID / "card.json").read_text("utf-8"))
    assert [name for name in card["metrics"] if f"`{name}`" not in page("cli.md")] == []


def test_the_limits_of_lists_are_documented() -> None:
    """docs/lists.md has the limits of entries and of the preview, and what a weight does to the odds."""
    text = page("lists.md")
    limits = (
        f"{MAX_ENTRIES:,} entries",
        f"{MAX_KEY_LENGTH}\ncharacters",
        f"last {PREVIEW_DAYS} days, the newest {MAX_DECISIONS:,}",
    )
    assert [
        limit for limit in (*limits, f"more than {MAX_MATCH_RATE:.0%}".replace("%", " %")) if limit not in text
    ] == []
    rows = {float(weight): odds for weight, odds in re.findall(r"^\| (\d+)[^|]* \| ([\d]+)", text, re.MULTILINE)}
    assert list(rows) == [1, 3, DEFAULT_WEIGHT, MAX_WEIGHT]
    assert all(str(round(math.exp(weight))).startswith(odds[:1]) for weight, odds in rows.items())


def test_the_limits_of_models_are_documented() -> None:
    """docs/models.md has the limits of the shadow, the campaigns of a retraining and the conditions of the gate."""
    text = page("models.md")
    limits = (
        f"up to {MAX_PER_ROUND} decisions every {('zero', 'one', 'two')[int(SHADOW_PAUSE_SECONDS)]} seconds",
        f"the last {MAX_CHANGED} decisions that differ",
        f"the log gives the last {MAX_PER_TEXT}. ",
        f"it gives the last {MAX_PER_CAMPAIGN}.",
        f"{DEFAULT_MEMORY_MB:,} by default",
        f"at most {100 * gate.MAX_WORSE['lost']:g} points more ham lost, {100 * gate.MAX_WORSE['held']:g} point more",
        f"{100 * gate.MAX_WORSE['caught']:g} points less spam caught, {100 * gate.MAX_WORSE['blocked']:g} points less",
        f"with {gate.MIN_COMMENTS} comments of the label: at most {100 * gate.MAX_WORSE_PART['lost']:g} point",
        f"at most {gate.MAX_CALIBRATION_LOSS:g} higher",
        f"at most {100 * gate.MAX_ROBUSTNESS_LOSS:g} points less spam caught after each obfuscator",
        f"at most {gate.MAX_SLOWDOWN:g} times the processor time",
    )
    assert [limit for limit in limits if limit not in text] == []


def test_the_architecture_names_existing_code() -> None:
    """Each path in docs/architecture.md exists in the package, and defines the function after it."""
    missing = []
    for path, name in re.findall(r"`([\w/]+\.py)(?:: (\w+))?`", page("architecture.md")):
        source = next((file for file in (ROOT / "moderation" / path, ROOT / path) if file.is_file()), None)
        if source is None or (name and not re.search(rf"^def {name}\(", source.read_text("utf-8"), re.MULTILINE)):
            missing.append(f"{path}: {name}")
    assert missing == []


def test_each_client_is_documented_as_tested() -> None:
    """docs/clients.md has a row for each client that is run, or whose shape is sent, with its two readings."""
    rows = {cells[0]: cells[1:] for line in page("clients.md").splitlines() if len(cells := line.split(" | ")) == 5}
    words = {"error": ("error |", "your code |"), "ham": ("publishes |",)}
    wrong = [
        client.name
        for client in CLIENTS
        if (row := rows.get(f"| {client.name}")) is None
        or row[3] not in words[client.without_verdict]
        or f"{row[2]} |" not in words[client.differences.get("wrong", "error")]
    ]
    wrong += [
        shape.name
        for shape in SHAPES
        if (row := rows.get(f"| {shape.name}")) is None
        or [row[1], f"{row[2]} |", row[3]]
        != ["shape only", *(words[reading][0] for reading in (shape.wrong_key, shape.without_verdict))]
    ]
    assert wrong == []


def test_each_threat_names_existing_tests() -> None:
    """docs/security.md has a test beside each threat, and the named file defines it."""
    rows = re.findall(r"^\| (?!threat|---)(.+?) \| (.*) \|$", page("security.md"), re.MULTILINE)
    named = {threat: re.findall(r"`([\w/]+\.py): (\w+)`", tests) for threat, tests in rows}
    missing = [
        f"{file}: {test}"
        for tests in named.values()
        for file, test in tests
        if not (path := ROOT / "tests" / file).is_file() or f"def {test}(" not in path.read_text("utf-8")
    ]
    assert named and missing == [] and [threat for threat, tests in named.items() if not tests] == []


def test_the_readme_stays_short() -> None:
    """A reader decides in a minute."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= MAX_README_LINES


def test_no_link_is_broken() -> None:
    """Every relative link of a page is a path that exists."""
    broken = [
        f"{source.relative_to(ROOT)}: {target}"
        for source in (*ROOT.glob("*.md"), *ROOT.glob("data/*.md"), *DOCS.rglob("*.md"))
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", source.read_text(encoding="utf-8"))
        if not (source.parent / target).exists()
    ]
    assert broken == []


def test_the_makefile_names_tests_that_exist() -> None:
    """A renamed test file would end `make fuzz` before it begins."""
    named = re.findall(r"\btests/[\w/]+(?:\.py)?", (ROOT / "Makefile").read_text("utf-8"))
    assert named and not [path for path in named if not (ROOT / path).exists() and path != "tests/requirements"]
