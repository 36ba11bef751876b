"""Mutation operators: small faults in Python source, as edits of its bytes.

Annotations, decorators, docstrings and f-strings are not mutated.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

_MAX_LINE_LENGTH = 160

SWAPS: Mapping[type[ast.AST], tuple[str, str]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"),
    ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.And: ("and", "or"), ast.Or: ("or", "and"),
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"), ast.Mod: ("%", "*"), ast.Pow: ("**", "*"), ast.MatMult: ("@", "*"),
    ast.LShift: ("<<", ">>"), ast.RShift: (">>", "<<"), ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
    ast.BitXor: ("^", "&"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the source with its byte offsets."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement of bytes, and a description of the operator."""

    start: int
    end: int
    replacement: bytes
    operator: str


class Source:
    """Map the nodes and tokens of a Python file to byte offsets."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.lines = content.splitlines(keepends=True)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))

    @cached_property
    def tokens(self) -> list[Token]:
        """Every operator, keyword, name and literal, in order."""
        kinds = {tokenize.OP, tokenize.NAME, tokenize.STRING, tokenize.NUMBER}
        return [
            Token(self._offset(*token.start), self._offset(*token.end), token.string)
            for token in tokenize.tokenize(io.BytesIO(self.content).readline)
            if token.type in kinds
        ]

    def _offset(self, line: int, column: int) -> int:
        """Convert a place of the tokenizer, which counts characters, to a byte offset."""
        return self.starts[line - 1] + len(self.lines[line - 1].decode()[:column].encode())

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Return the byte offsets of a node."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self.starts[node.lineno - 1] + node.col_offset,
            self.starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def within(self, start: int, end: int) -> list[Token]:
        """Return the tokens between two offsets."""
        return [token for token in self.tokens if start <= token.start and token.end <= end]

    def replace(self, node: ast.expr | ast.stmt, replacement: str, operator: str) -> Edit:
        """Return the edit that replaces a whole node."""
        return Edit(*self.span(node), replacement.encode(), operator)

    def swap(self, start: int, end: int, kind: ast.AST, mark: str = "") -> Iterator[Edit]:
        """Yield the edit that swaps the operator of a kind between two offsets. `mark` is the `=` of `+=`."""
        old, new = SWAPS[type(kind)]
        symbols = (old + mark).split()
        tokens = self.within(start, end)
        for index in range(len(tokens) - len(symbols) + 1):
            window = tokens[index : index + len(symbols)]
            if [token.text for token in window] == symbols:
                yield Edit(window[0].start, window[-1].end, (new + mark).encode(), f"{old}{mark} -> {new}{mark}")
                return

    def lines_around(self, edit: Edit) -> tuple[str, str]:
        """Return the changed line before and after an edit, without indentation."""
        first = self.content.rfind(b"\n", 0, edit.start) + 1
        last = self.content.find(b"\n", edit.end)
        tail = self.content[edit.end : last if last >= 0 else None]
        before = self.content[first : edit.end] + tail
        return _one_line(before), _one_line(self.content[first : edit.start] + edit.replacement + tail)

    def apply(self, edit: Edit) -> bytes:
        """Return the edited file."""
        return self.content[: edit.start] + edit.replacement + self.content[edit.end :]


def _one_line(content: bytes) -> str:
    text = " ".join(content.decode().split())
    return text if len(text) <= _MAX_LINE_LENGTH else f"{text[: _MAX_LINE_LENGTH - 1]}…"


def _compare(source: Source, node: ast.Compare) -> Iterator[Edit]:
    for (left, right), kind in zip(pairwise([node.left, *node.comparators]), node.ops, strict=True):
        yield from source.swap(source.span(left)[1], source.span(right)[0], kind)


def _binary(source: Source, node: ast.BinOp) -> Iterator[Edit]:
    yield from source.swap(source.span(node.left)[1], source.span(node.right)[0], node.op)


def _boolean(source: Source, node: ast.BoolOp) -> Iterator[Edit]:
    for left, right in pairwise(node.values):
        yield from source.swap(source.span(left)[1], source.span(right)[0], node.op)


def _negation(source: Source, node: ast.UnaryOp) -> Iterator[Edit]:
    if isinstance(node.op, ast.Not):
        start = source.span(node)[0]
        yield Edit(start, start + len(b"not"), b"", "not removed")


def _constant(source: Source, node: ast.Constant) -> Iterator[Edit]:
    value = node.value
    if isinstance(value, bool):
        yield source.replace(node, str(not value), "True, False")
    elif isinstance(value, int | float) and value + 1 != value:
        yield source.replace(node, repr(value + 1), "number + 1")
    elif isinstance(value, str | bytes):
        yield _string(source, node)


def _string(source: Source, node: ast.Constant) -> Edit:
    """Put `XX` at both ends of a literal, inside its white space, so that a list of words changes too."""
    start, end = source.span(node)
    parts = [token for token in source.within(start, end) if token.text[-1] in "\"'"]
    opening = re.match(r"""\w*(\"\"\"|'''|"|')""", parts[0].text)
    assert opening is not None
    closing = 3 if parts[-1].text.endswith(('"""', "'''")) and len(parts[-1].text) >= 6 else 1
    first = parts[0].start + opening.end()
    last = parts[-1].end - closing
    content = source.content[first:last]
    inner = content.strip() or content
    return Edit(first, last, content.replace(inner, b"XX" + inner + b"XX", 1), "string changed")


def _return(source: Source, node: ast.Return) -> Iterator[Edit]:
    if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield source.replace(node.value, "None", "return None")


def _statement(source: Source, node: ast.Expr) -> Iterator[Edit]:
    if isinstance(node.value, ast.Call | ast.Await):
        yield source.replace(node, "pass", "call removed")


def _augmented(source: Source, node: ast.AugAssign) -> Iterator[Edit]:
    yield from source.swap(source.span(node.target)[1], source.span(node.value)[0], node.op, "=")
    yield source.replace(node, "pass", "augmented assignment removed")


def _break(source: Source, node: ast.Break) -> Iterator[Edit]:
    yield source.replace(node, "continue", "break -> continue")


def _continue(source: Source, node: ast.Continue) -> Iterator[Edit]:
    yield source.replace(node, "break", "continue -> break")


OPERATORS: Mapping[type[ast.AST], Callable[[Source, Any], Iterator[Edit]]] = {
    ast.Compare: _compare,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _negation,
    ast.Constant: _constant,
    ast.Return: _return,
    ast.Expr: _statement,
    ast.AugAssign: _augmented,
    ast.Break: _break,
    ast.Continue: _continue,
}


def edits(source: Source) -> list[Edit]:
    """Return every edit that the operators can make in a file, in source order."""
    all_edits = [
        edit
        for node in _walk(ast.parse(source.content))
        if type(node) in OPERATORS
        for edit in OPERATORS[type(node)](source, node)
    ]
    return sorted(all_edits, key=lambda edit: (edit.start, edit.end, edit.replacement))


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for name, field in ast.iter_fields(node):
        if name not in {"annotation", "returns", "decorator_list"}:
            for child in field if isinstance(field, list) else [field]:
                if isinstance(child, ast.AST) and not _is_exempt(child):
                    yield from _walk(child)


def _is_exempt(node: ast.AST) -> bool:
    """Return whether a node is a docstring, an f-string or a part of a type."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) == "TypeVar"
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Subscript) and ast.unparse(node.value) in {"Literal", "Callable", "Annotated"}
    )
