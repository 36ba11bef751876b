"""What is sent and answered under `/v1`: the source of both the checks and the OpenAPI document."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from typing_extensions import TypedDict  # pydantic needs this one below Python 3.12


def _storable(value: object) -> object:
    """A lone surrogate (half an emoji, cut by a client) becomes U+FFFD, so that spans keep their places."""
    if not isinstance(value, str) or value.isascii():
        return value
    return "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in value)


Text = Annotated[str, BeforeValidator(_storable)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class CommentBody(_Strict):
    """A comment as its author typed it. A field left out, or null, means that the site does not know it."""

    text: Text = Field(description="The comment itself, markup and all. May be empty.")
    author: Text | None = Field(None, description="The name the author gave.")
    url: Text | None = Field(None, description="The author's web address.")
    email: Text | None = Field(None, description="The author's e-mail address.")
    permalink: Text | None = Field(None, description="Address of the page commented on.")
    context: Text | None = Field(None, description="Title of the page commented on.")
    type: Text | None = Field(None, description="Such as comment, trackback or contact-form.")
    lang: Text | None = Field(None, description="Language of the blog or the comment, such as en or pt_BR.")
    date: Text | None = Field(None, description="When it was written, in any form.")


class BatchBody(_Strict):
    """Several comments of one site. Each is judged or refused on its own."""

    comments: Annotated[
        list[Any], WithJsonSchema({"type": "array", "items": {"$ref": "#/components/schemas/CommentBody"}})
    ] = Field(description="The comments; the setting MODERATION_MAX_BATCH bounds their number.")


class LabelBody(_Strict):
    """A person's truth about one comment."""

    label: Literal["ham", "spam"]


class SpanReply(TypedDict):
    """A stretch of one field as it was sent, in code points; `end` is exclusive."""

    field: str
    start: int
    end: int


class ReasonReply(TypedDict):
    """One piece of evidence. The weights of all reasons and `bias` add up to the logit of `probability`."""

    code: str
    weight: Annotated[float, Field(description="Share of the logit; above zero speaks for spam.")]
    detail: Annotated[str, Field(description="What was found, for people. Hostile text: escape it.")]
    spans: list[SpanReply]


class ThresholdsReply(TypedDict):
    """The lines in force: a probability on a line belongs to the harsher side."""

    review: float
    spam: float
    discard: float


class CertificateReply(TypedDict):
    """What the site's own good comments prove about a line."""

    line: float
    allowed: Annotated[float | None, Field(description="The share of good comments that the budget allows.")]
    n: Annotated[int, Field(description="Good comments counted.")]
    errors: Annotated[int, Field(description="How many of them lie on or above the line.")]
    bound: Annotated[float, Field(description="At most this share of all good comments does, with the confidence.")]
    confidence: float
    digest: Annotated[str, Field(description="SHA-256 over the ids and probabilities counted.")]


class StandingReply(TypedDict):
    """Where the site stood on the ladder, and the certificates that it had earned."""

    step: Literal["observe", "hold", "block"]
    review: CertificateReply | None
    spam: CertificateReply | None


class LabelReply(TypedDict):
    """What a person said, who, through which door (`queue`, `api`, `akismet`, `import`) and when."""

    value: Literal["ham", "spam"] | None
    who: str
    source: str
    given_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class DecisionReply(TypedDict):
    """A verdict with everything that led to it."""

    id: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    verdict: Literal["publish", "review", "spam", "discard"]
    probability: Annotated[float, Field(ge=0, le=1, description="Chance of spam.")]
    thresholds: ThresholdsReply
    standing: Annotated[
        StandingReply | None, Field(description="What the thresholds were earned by; null for a site's own.")
    ]
    reasons: Annotated[
        list[ReasonReply],
        Field(description="The five heaviest for spam, the three heaviest against it, then all others."),
    ]
    bias: float
    model: str
    degraded: Annotated[bool, Field(description="True when no model could be asked.")]
    made_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    label: Annotated[LabelReply | None, Field(description="The label in force, or null.")]


class NeighbourReply(TypedDict):
    """A labelled comment of the same site that is like the one decided on."""

    text: Annotated[str, Field(description="How it begins, up to 300 code points. Hostile text: escape it.")]
    alike: Annotated[float, Field(gt=0, le=1, description="Share of their stretches of five letters in common.")]
    label: LabelReply


class StoredDecisionReply(DecisionReply):
    """A decision as it was answered, with what people said since, of this comment and of those like it."""

    neighbours: Annotated[
        list[NeighbourReply], Field(description="The most alike first; at most three of a label, five in all.")
    ]


class PointedReply(TypedDict):
    """One culprit, by JSON pointer into the body."""

    pointer: str
    detail: str


class ProblemReply(TypedDict, total=False):
    """An error, RFC 9457. `errors` only where parts of the body are at fault."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[PointedReply]


class RefusedReply(TypedDict):
    """In a batch, in the place of a decision: why this comment was not judged."""

    error: ProblemReply


class BatchReply(TypedDict):
    """One entry for each comment of the batch, in its order."""

    decisions: list[DecisionReply | RefusedReply]


class LiveReply(TypedDict):
    """The process answers."""

    alive: bool


class CheckReply(TypedDict):
    """One thing the service needs."""

    ready: bool
    detail: str | None


class ReadyReply(TypedDict):
    """Whether comments can be judged and stored, with each check by its name."""

    ready: bool
    checks: dict[str, CheckReply]
