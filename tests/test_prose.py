"""Docstrings, comments, docs and templates keep the prose rules: plain nouns, plain verbs, short sentences."""

import ast
import inspect
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "data/README.md", "docs/**/*.md")
MODULES = ("service.py", "moderation/**/*.py", "benchmarks/**/*.py", "docs/site/*.py", "examples/**/*.py")
TEMPLATES = ("moderation/**/*.html",)
MOST_WORDS = {"function": 25, "docstring": 25, "comment": 25, "docs": 30}
"""Limit of a sentence by the kind of passage. Lists, tables, code and templates have none."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph, a docstring or a run of comments, and where it begins.

    `kind` is `function`, `docstring`, `comment`, `docs`, `list` or `screen`. Inline code counts as one word.
    """

    path: Path
    line: int
    kind: str
    text: str

    def place(self, offset: int) -> str:
        """Return `file:line` of an offset in the text."""
        name = self.path.relative_to(ROOT) if self.path.is_relative_to(ROOT) else self.path
        return f"{name}:{self.line + self.text.count(chr(10), 0, offset)}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A banned construction, and a sentence that has it.

    `unless` exempts a passage; `kinds` limits the rule to some passages.
    """

    name: str
    pattern: re.Pattern[str]
    example: str
    unless: re.Pattern[str] | None = None
    kinds: frozenset[str] = frozenset()

    def find(self, passage: Passage) -> Iterator[re.Match[str]]:
        """Yield what the rule bans in a passage."""
        exempt = self.unless and self.unless.search(passage.text)
        if not exempt and (not self.kinds or passage.kind in self.kinds):
            yield from self.pattern.finditer(passage.text)


def words(text: str) -> re.Pattern[str]:
    """Compile a pattern of whole words that may be wrapped over lines."""
    wrapped = text.replace(" ", r"[ \n]+")
    return re.compile(rf"\b(?:{wrapped})\b", re.IGNORECASE)


RULES = (
    Rule(
        "a function's docstring begins with a verb",
        re.compile(
            r"\A(?:Whether|What|Where|Which|Who|Why|How|Those|That|As|Of|All|Each|Every|One|No|Nobody|Nothing|Everything)\b"
        ),
        "How many comments wait.",
        kinds=frozenset({"function"}),
    ),
    Rule(
        "a function's docstring begins with a verb, not an article",
        re.compile(r"\A(?:The|A|An)\b"),
        "The number of comments.",
        kinds=frozenset({"function"}),
    ),
    Rule(
        "a noun, not a clause: whoever, whatever, whichever",
        words("whoever|whatever|whichever|whomever|whosever"),
        "Whoever has the key may ask.",
    ),
    Rule(
        "a noun, not a clause: what is …",
        words("what (?:is|are|was|were|has|have|had|it|they|he|she|we)"),
        "Return what is left of the text.",
        kinds=frozenset({"function", "docstring", "comment", "docs", "list"}),
    ),
    Rule(
        "a noun, not a clause: those that …",
        words("(?:those|that|the ones?) (?:that|which|who|whose)"),
        "Those that wait are kept.",
    ),
    Rule("name the person or the role", words("nobody|somebody|everybody"), "Nobody knows which call arrived last."),
    Rule(
        "no longer, not no more",
        words(
            r"(?:works?|worked|exists?|lives?|fits?|holds?|counts?|appl(?:y|ies)|(?:is|are|was|were)(?: \w+)?) no more"
        ),
        "Its keys work no more.",
    ),
    Rule(
        "its own, not of its own",
        words(r"(?<!because\s)of (?:its|their|his|one's) own"),
        "Each order has a column of its own.",
    ),
    Rule(
        "code is not told",
        words("(?:is|are|was|were|be|been|being|not) told|told (?:again|already)"),
        "The blog is told again.",
    ),
    Rule("code does not tell", words(r"tells(?!(?: \w+)? apart)"), "The worker tells the blog."),
    Rule("code does not know of", words("(?:knows?|knew|known) (?:of|nothing|no)"), "The model knows of no site."),
    Rule(
        "code does not hear, earn or sink", words("hears?|heard|earns?|earned|sinks|sank"), "The site earned its line."
    ),
    Rule(
        "private word",
        words(
            "wordbooks?|rungs?|ladders?|doors?|couriers?|(?:un)?seal(?:s|ed)?|upkeep|desks?|shel(?:f|ves|ved)|vaults?"
            r"|spelt|likeness(?:es)?|(?<!nearest\s)neighbou?rs?|(?:the|its|their|more|several|two|between) rounds"
        ),
        "The courier waits at the door.",
    ),
    Rule(
        "private word: certificate, but for TLS",
        words("certificates?|certif(?:y|ies|ied)"),
        "The certificate proves the budget.",
        unless=words(r"TLS|SSL|HTTPS|X\.509|CA|nginx|prox(?:y|ies)|hosts?|servers?|self-signed"),
    ),
    Rule(
        "threshold, not line",
        words("(?:review|spam|discard) lines?|lines? (?:is|are|was|were) drawn"),
        "The spam line is higher.",
    ),
    Rule("ham, not good comments", words("good comments?"), "It may lose good comments."),
)
PLAIN = (
    "Return the most similar labelled comments for each decision, excluding the decision's own comment.",
    "Index every labelled comment that is missing from the index. Returns how many.",
    "The cache must not reference this model, or the reference cycle would keep replaced models in memory.",
    "Prime multiplier for a bigram's first word, so that (a, b) and (b, a) hash to different columns.",
    "Deliver again even if another process has delivered a result: we cannot know which call arrived last.",
    "The id includes a password fingerprint, so a password change invalidates old sessions.",
    "All filters are trained and tested on the same comments.",
    "Held because it is above this site's review threshold (62 %). No more than 20 are shown.",
    "TLS ends at the proxy, which has the certificate.",
)
"""Sentences that keep every rule, most of them from the review that asked for the rules."""

_CODE = [
    re.compile(r"^[ \t]*(```|~~~).*?^[ \t]*\1", re.MULTILINE | re.DOTALL),
    re.compile(r"(?<=\n\n)(?:(?: {4}|\t).*(?:\n+|\Z))+"),
    re.compile(r"^[ \t]*>>> .*(?:\n[ \t]*\S.*)*", re.MULTILINE),
    re.compile(r"^[ \t]*(?:\w+\n[ \t]*-{3,}|\w[\w, ]* : .*)$", re.MULTILINE),
]
"""Fenced and indented code, doctests, headings and names of numpydoc."""
_SHOWN = [
    (re.compile(r"(`+)(?!`)(?:(?!\n[ \t]*\n).)+?\1", re.DOTALL), "code"),
    (re.compile(r"\[([^]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"<?https?://\S+"), "address"),
    (re.compile(r"</?\w[^>]*>|\*\*"), ""),
]
"""Markup within a line, and what a reader sees instead."""
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d+[.)])[ \t]")
_ROW = re.compile(r"[ \t]*[|#]")
_STOP = re.compile(r"(?<=[.!?:;])[\"')\]”’]*\s+|[.!?][\"')\]”’]+\s+")
_WORD = re.compile(r"[^\W_][\w.,'’/%-]*")
_NOT_PROSE = re.compile(r"#!|# ?(?:noqa|type:|fmt:|pragma|mypy:|ruff:)")
_MARKUP = re.compile(r"<(script|style)\b.*?</\1>|\{%.*?%\}|</?\w[^>]*>", re.DOTALL)
_QUOTED = re.compile(r"\"([^\"\n]*)\"")


def without(pattern: re.Pattern[str], text: str) -> str:
    """Remove what the pattern finds, but none of its line breaks."""
    return pattern.sub(lambda match: "\n" * match[0].count("\n"), text)


def as_read(text: str) -> str:
    """Replace markup by what a reader sees. Line breaks stay."""
    for pattern in _CODE:
        text = without(pattern, text)
    for pattern, shown in _SHOWN:
        text = pattern.sub(partial(_shown, shown), text)
    return text


def _shown(shown: str, match: re.Match[str]) -> str:
    seen = match.expand(shown)
    return seen + "\n" * (match[0].count("\n") - seen.count("\n"))


def passages(path: Path, line: int, kind: str, text: str) -> Iterator[Passage]:
    """Yield the paragraphs, list items and table rows of a text that begins on a line."""
    rows: list[str] = []
    now = kind
    for number, row in enumerate([*as_read(text).split("\n"), ""], line):
        apart = _ITEM.match(row) or _ROW.match(row)
        if rows and (apart or not row.strip()):
            yield Passage(path, number - len(rows), now, "\n".join(rows))
            rows, now = [], "docstring" if kind == "function" else kind
        if row.strip():
            now = "list" if apart else now
            rows.append(row.strip())


def docstrings(path: Path, tree: ast.Module) -> Iterator[Passage]:
    """Yield every string that is a statement: docstrings, and the strings below constants."""
    for owner in ast.walk(tree):
        body: list[ast.AST] = owner.body if isinstance(getattr(owner, "body", None), list) else []  # type: ignore[attr-defined]
        for node in body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                text = node.value.value
                if isinstance(text, str):
                    kind = "function" if node is body[0] and _begins_with_a_verb(owner) else "docstring"
                    skipped = text.count("\n", 0, len(text) - len(text.lstrip()))
                    yield from passages(path, node.lineno + skipped, kind, inspect.cleandoc(text))


def _begins_with_a_verb(owner: ast.AST) -> bool:
    """Return whether a docstring's owner is a function. A property is named like an attribute, by a noun."""
    if not isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return not any("property" in ast.unparse(decorator) for decorator in owner.decorator_list)


def comments(path: Path, content: bytes) -> Iterator[Passage]:
    """Yield the comments of a module, those on lines that follow each other as one."""
    found = [
        token
        for token in tokenize.tokenize(io.BytesIO(content).readline)
        if token.type == tokenize.COMMENT and not _NOT_PROSE.match(token.string)
    ]
    run: list[tokenize.TokenInfo] = []
    for token in [*found, None]:
        if run and not (token and token.start == (run[-1].start[0] + 1, run[-1].start[1])):
            text = "\n".join(one.string.removeprefix("#").removeprefix(" ") for one in run)
            yield from passages(path, run[0].start[0], "comment", text)
            run = []
        if token:
            run.append(token)


def screens(path: Path, content: str) -> Iterator[Passage]:
    """Yield the text between the tags of a template, and the sentences in its attributes and expressions."""
    bare = re.sub(r"\{\{.*?\}\}", lambda match: "code" + "\n" * match[0].count("\n"), content, flags=re.DOTALL)
    text = _MARKUP.sub(lambda match: "\0" + "\n" * match[0].count("\n"), bare)
    for match in re.finditer(r"[^\0]+", text):
        yield Passage(path, 1 + text.count("\n", 0, match.start()), "screen", match[0])
    for match in _QUOTED.finditer(content):
        if " " in match[1]:
            yield Passage(path, 1 + content.count("\n", 0, match.start()), "screen", match[1])


def files(root: Path, patterns: Iterable[str]) -> Iterator[Path]:
    """Yield the files that the patterns find."""
    for pattern in patterns:
        yield from sorted(root.glob(pattern))


def prose(root: Path) -> Iterator[Passage]:
    """Yield everything that the rules hold for."""
    for path in files(root, MODULES):
        content = path.read_bytes()
        yield from docstrings(path, ast.parse(content))
        yield from comments(path, content)
    for path in files(root, PAGES):
        yield from passages(path, 1, "docs", path.read_text("utf-8"))
    for path in files(root, TEMPLATES):
        yield from screens(path, path.read_text("utf-8"))


def sentences(passage: Passage) -> Iterator[tuple[int, str]]:
    """Yield the sentences of a passage with their offsets; a colon or a semicolon ends one too."""
    start = 0
    for stop in [*_STOP.finditer(passage.text), None]:
        yield start, passage.text[start : stop.start() if stop else None]
        start = stop.end() if stop else start


def offenders(passage: Passage) -> Iterator[tuple[str, str, str]]:
    """Yield the place, the rule and the words of each offence."""
    for rule in RULES:
        for match in rule.find(passage):
            yield passage.place(match.start()), rule.name, " ".join(match[0].split())
    limit = MOST_WORDS.get(passage.kind)
    for offset, sentence in sentences(passage) if limit else ():
        count = len(_WORD.findall(sentence))
        if limit and count > limit:
            yield passage.place(offset), f"at most {limit} words", f"{count}: {' '.join(sentence.split()[:8])} …"


def test_the_prose_is_plain() -> None:
    """No docstring, comment, page or template has a construction that the rules ban."""
    found = [f"{place}: {rule}: {said}" for passage in prose(ROOT) for place, rule, said in offenders(passage)]
    assert not found, f"{len(found)} offences\n" + "\n".join(found)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_finds_its_example(rule: Rule) -> None:
    """A rule that cannot fire guards nothing."""
    kind = next(iter(rule.kinds), "docs")
    assert list(rule.find(Passage(ROOT, 1, kind, rule.example)))


def test_plain_sentences_pass() -> None:
    """No rule finds fault with a sentence that keeps them all."""
    assert [found for sentence in PLAIN for found in offenders(Passage(ROOT, 1, "comment", sentence))] == []


@pytest.mark.parametrize(("kind", "limit"), MOST_WORDS.items())
def test_long_sentences_are_found(kind: str, limit: int) -> None:
    """A sentence may have as many words as the limit and not one more."""
    fits, long = (Passage(ROOT, 1, kind, "word " * count + "word. Short.") for count in (limit - 1, limit))
    assert not list(offenders(fits))
    assert len(list(offenders(long))) == 1


def test_all_prose_is_read(tmp_path: Path) -> None:
    """Each kind of file is read, with its line, but no code in it."""
    written = {
        "README.md": "# Title\n\n```\nnobody\n```\n\n- one\n- nobody `somebody`\n",
        "docs/deep/page.md": "One.\n\n    nobody\n\nTwo nobody.\n",
        "moderation/module.py": '"""Say it.\n\nTo nobody.\n"""\n\nA = "nobody"  # for\n# nobody\n\n"""Nobody."""\n',
        "moderation/web/page.html": '<p class="nobody">\n{% if nobody %}{{ "to nobody" }}{% endif %}\nnobody</p>',
    }
    for name, text in written.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    places = [place.removeprefix(f"{tmp_path}/") for passage in prose(tmp_path) for place, _, _ in offenders(passage)]
    assert sorted(places) == [
        "README.md:8",
        "docs/deep/page.md:5",
        "moderation/module.py:3",
        "moderation/module.py:7",
        "moderation/module.py:9",
        "moderation/web/page.html:2",
        "moderation/web/page.html:3",
    ]
