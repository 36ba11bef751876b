"""Any JSON to the routes under `/v1`, over HTTP: odd numbers, nesting, names and characters."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.comment import COMMENT_FIELDS
from tests.fuzz.examples import HALF
from tests.fuzz.served import KEY, FuzzedService
from tests.strategies import hostile_texts, repetitive_texts

pytestmark = pytest.mark.fuzz

HEADERS = [("Authorization", f"Bearer {KEY}"), ("Content-Type", "application/json")]

_names = st.sampled_from([*COMMENT_FIELDS, "comments", "label", "spans", "__proto__", ""]) | hostile_texts
_literals = st.sampled_from(
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-0",
        "0.1e-999",
        "9" * 400,
        "9" * 5_000,
        "1.",
        "01",
        "tru",
        '"',
        "\\",
        "",
    ]
)
_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | hostile_texts
_strings = (hostile_texts | repetitive_texts).map(json.dumps)


def _object(pairs: list[tuple[str, str]]) -> str:
    """Return an object that may name a member twice."""
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in pairs) + "}"


json_texts = st.recursive(
    _scalars.map(json.dumps) | _literals | _strings,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(_names, inner), max_size=4).map(_object)
    ),
    max_leaves=8,
)
nested_texts = st.builds(
    lambda opening, depth, closing: opening * depth + closing * depth,
    st.sampled_from(["[", '{"text":', '{"comments":[', '[{"text":']),
    st.sampled_from([50, 900, 1_100, 20_000]),
    st.sampled_from(["", "]", "}", "]}"]),
)
comment_texts = st.dictionaries(st.sampled_from(COMMENT_FIELDS), st.none() | hostile_texts).map(
    lambda fields: json.dumps({"text": "", **fields})
)
bodies = st.one_of(
    (json_texts | nested_texts).map(lambda text: text.encode("utf-8", "surrogatepass")),
    comment_texts.map(str.encode),
    st.lists(comment_texts | json_texts, max_size=5).map(lambda items: f'{{"comments":[{",".join(items)}]}}'.encode()),
    st.builds(
        lambda text, encoding: text.encode(encoding), comment_texts, st.sampled_from(["utf-16", "utf-32", "cp037"])
    ),
    st.builds(lambda text, raw, at: text.encode()[:at] + raw, comment_texts, st.binary(), st.integers(0, 60)),
)


@HALF
@given(path=st.sampled_from(["/v1/score", "/v1/score?spans=true", "/v1/score/batch"]), body=bodies)
def test_any_json_is_judged_or_refused(service: FuzzedService, path: str, body: bytes) -> None:
    """A decision that was answered can be read again and labelled: both databases store any text."""
    answer = service.send("POST", path, HEADERS, body)
    assert answer.status in {200, 400, 413, 422}
    content = json.loads(answer.body)
    if answer.status != 200:
        assert content["status"] == answer.status and content["detail"]
        return
    for decision in [content] if "id" in content else content["decisions"]:
        if "id" in decision:
            target = f"/v1/decisions/{decision['id']}"
            assert service.send("GET", target, HEADERS).status == 200
            assert service.send("PUT", f"{target}/label", HEADERS, b'{"label": "spam"}').status == 200


@HALF
@given(body=bodies | st.sampled_from([b'{"label": "ham"}', b'{"label": "spam"}']))
def test_any_json_is_a_label_or_refused(service: FuzzedService, decision_id: str, body: bytes) -> None:
    """For a decision that exists."""
    answer = service.send("PUT", f"/v1/decisions/{decision_id}/label", HEADERS, body)
    assert answer.status in {200, 400, 413, 422}
