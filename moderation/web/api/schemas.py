"""Requests and responses under `/v1`, in the OpenAPI document and in the CLI's JSON.

pydantic reads most responses from the attributes of a domain object; `bodies` writes those with decisions.
"""

from datetime import datetime
from operator import not_
from typing import Annotated, Any, Literal

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from moderation.domain.authors import MAX_FACT_LENGTH
from moderation.domain.budget import RolloutMode, RolloutStage
from moderation.domain.decision import LabelOrigin, LabelValue, Occurrence
from moderation.domain.site import OnError, ReviewAction
from moderation.domain.thresholds import Verdict
from moderation.scoring.second_reader import ReaderState
from moderation.web.api.guarantee_schemas import (
    BudgetResponse,
    CalibrationResponse,
    DecisionCalibrationResponse,
    GeneralGuaranteesResponse,
    ResponseModel,
)
from moderation.web.json_text import LONE_SURROGATE


def _replace_surrogates(value: object) -> object:
    """Replace each lone surrogate (half an emoji, cut by a client) by U+FFFD, so that spans keep their places."""
    if not isinstance(value, str) or value.isascii():
        return value
    return LONE_SURROGATE.sub("\ufffd", value)


Text = Annotated[str, BeforeValidator(_replace_surrogates)]
Time = Annotated[str, BeforeValidator(datetime.isoformat), WithJsonSchema({"type": "string", "format": "date-time"})]
_DecisionId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None
_Probability = Annotated[float, Field(ge=0, le=1)]


class RequestModel(BaseModel):
    """The body of a request. A field that it does not have is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class CommentRequest(RequestModel):
    """A comment as its author typed it. A field that is left out or null is unknown to the site."""

    text: Text = Field(description="The comment itself, markup and all. May be empty.")
    author: Text | None = Field(None, description="The name the author gave.")
    url: Text | None = Field(None, description="The author's web address.")
    email: Text | None = Field(None, description="The author's e-mail address.")
    permalink: Text | None = Field(None, description="Address of the page commented on.")
    context: Text | None = Field(None, description="Title of the page commented on.")
    type: Text | None = Field(None, description="Such as comment, trackback or contact-form.")
    lang: Text | None = Field(None, description="Language of the blog or the comment, such as en or pt_BR.")
    date: Text | None = Field(None, description="When it was written, in any form.")


class ScoreRequest(CommentRequest):
    """A comment, and the blog's own id of it."""

    comment_id: Text | None = Field(
        None, description="The blog's id of the comment, by which it differs from another one with the same content."
    )
    author_id: Text | None = Field(
        None, max_length=MAX_FACT_LENGTH, description="The id of a signed-in author at the blog, which vouches for it."
    )
    author_roles: Text | None = Field(
        None,
        max_length=MAX_FACT_LENGTH,
        description="The roles of a signed-in author at the blog, with commas between.",
    )


_COMMENT_OR_ERROR = (
    {"$ref": "#/components/schemas/CommentRequest"},
    {"description": "Any other value is answered with a problem in the place of its decision."},
)


class BatchRequest(RequestModel):
    """Several comments of one site. Each is judged or refused by itself."""

    comments: Annotated[list[Any], WithJsonSchema({"type": "array", "items": {"anyOf": list(_COMMENT_OR_ERROR)}})] = (
        Field(description="The comments; the setting MODERATION_MAX_BATCH_SIZE bounds their number.")
    )


class RemovalRequest(RequestModel):
    """A person removes a comment without a lesson."""

    labelled_by: Text | None = Field(None, max_length=200, description="The person who decides, if the blog says so.")
    reason: Text = Field("", max_length=500, description="Why, for the log of labels.")


class LabelRequest(RemovalRequest):
    """A person's truth about one comment."""

    label: Literal["ham", "spam"]
    origin: Literal["single", "bulk", "sweep"] = Field(
        "single", description="Whether it is a decision on this comment, or one stroke or rule over many."
    )


class SpanResponse(ResponseModel):
    """A part of one field as it was sent, in code points; `end` is exclusive."""

    field: str
    start: int
    end: int


class ReasonResponse(ResponseModel):
    """One piece of evidence. The weights of all reasons and `bias` add up to `logit`."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    code: str
    weight: float = Field(description="Contribution to the logit; above zero speaks for spam.")
    description: str = Field(description="What is true of the comment, in a sentence for people.")
    occurrence: Occurrence | None = Field(
        description="How the comment has the subject of a signal; null for other reasons and for old decisions."
    )
    detail: Text = Field(description="The evidence in words, for people. Hostile text: escape it.")
    spans: list[SpanResponse] = Field(
        [],
        exclude_if=not_,
        description="Places in the comment. Absent if they were not asked for or there are none.",
    )


class ThresholdsResponse(ResponseModel):
    """The thresholds in force. A probability on a threshold gets the harsher verdict; 1 is never reached."""

    review: float
    spam: float
    discard: float


class LabelResponse(ResponseModel):
    """A label: who gave it, through which channel, when and why.

    The channel is `queue`, `api`, `akismet`, `import`, `history` or `cli`.
    `value` is null for a withdrawal and, with `removes`, for a removal without a lesson. `decision_id` is that of the
    decision which the person saw.
    """

    value: LabelValue | None
    labelled_by: Text
    channel: str
    created_at: Time
    origin: LabelOrigin = Field(description="A decision on one comment, `single`, or one of many at once.")
    reason: Text
    decision_id: str | None
    removes: bool


class LogEntryResponse(ResponseModel):
    """A row of the label log, and when and by whom the label was revoked; both null while it is in force."""

    id: int
    site_url: str
    comment_id: int
    label: LabelResponse
    revoked_at: Time | None
    revoked_by: Text | None


class JudgementResponse(ResponseModel):
    """A verdict with everything that led to it."""

    verdict: Verdict
    probability: _Probability = Field(description="Probability of spam.")
    logit: float = Field(description="Natural logarithm of the odds of spam.")
    thresholds: ThresholdsResponse
    calibration: DecisionCalibrationResponse | None = Field(
        description="The calibration behind the thresholds; null if the site set its own."
    )
    reasons: list[ReasonResponse] = Field(
        description="The five strongest for spam, the three strongest against it, then all others."
    )
    bias: float
    model: str
    reader: ReaderState = Field(
        description="Whether the model's second reader was asked; skipped if it had no time. Its reason says more."
    )
    degraded: bool = Field(
        description="True if the comment could not be judged or stored: the verdict is the site's `on_error`."
    )


class DecisionResponse(JudgementResponse):
    """A decision. It is stored, unless `id` is null."""

    id: _DecisionId = Field(description="Null if the decision could not be stored; `degraded` is true then.")
    decided_at: Time
    label: LabelResponse | None = Field(None, description="The label in force, or null.")


class SimilarCommentResponse(ResponseModel):
    """A labelled comment of the same site that is similar to the one decided on."""

    text: Text = Field(description="Its beginning, up to 300 code points. Hostile text: escape it.")
    similarity: float = Field(gt=0, le=1, description="Jaccard similarity of the texts' five-letter shingles.")
    label: LabelResponse


class OpinionResponse(ResponseModel):
    """The opinion of the operator's own model on a held comment. No verdict follows it."""

    model: Text = Field(description="The name of the model. Escape it.")
    is_spam: bool
    confidence: _Probability = Field(description="The model's own figure.")


class StoredDecisionResponse(DecisionResponse):
    """A decision with the labels given since, to its comment and to similar ones, and an opinion on it."""

    similar_comments: list[SimilarCommentResponse] = Field(
        [], description="The most similar first; at most three of a label, five in all."
    )
    opinion: OpinionResponse | None = Field(None, description="That of the operator's own model, or null.")


class AkismetReviewResponse(ResponseModel):
    """How a site's Akismet client keeps comments that wait for a person."""

    action: ReviewAction
    hold_seconds: int
    private_callback: bool
    vouches_for_authors: bool


class SiteResponse(ResponseModel):
    """A site with its settings, stage (null with own thresholds) and thresholds, read from a `RolloutStatus`."""

    url: str = Field(validation_alias=AliasPath("site", "url"))
    own_thresholds: ThresholdsResponse | None = Field(validation_alias=AliasPath("site", "thresholds"))
    type_thresholds: dict[str, ThresholdsResponse] = Field(validation_alias=AliasPath("site", "type_thresholds"))
    own_budget: BudgetResponse | None = Field(validation_alias=AliasPath("site", "budget"))
    akismet: AkismetReviewResponse = Field(validation_alias=AliasPath("site", "akismet_review"))
    on_error: OnError = Field(validation_alias=AliasPath("site", "on_error"))
    rollout: RolloutMode = Field(validation_alias=AliasPath("site", "rollout"))
    created_at: Time = Field(validation_alias=AliasPath("site", "created_at"))
    stage: RolloutStage | None = Field(None, validation_alias=AliasPath("calibration", "stage"))
    thresholds: ThresholdsResponse | None = Field(description="Null if the site has none and there is no model.")
    protection: str


class RolloutResponse(ResponseModel):
    """How far the rollout of a site is, read from a `RolloutStatus`."""

    url: str = Field(validation_alias=AliasPath("site", "url"))
    budget: BudgetResponse
    own_budget: BudgetResponse | None = Field(validation_alias=AliasPath("site", "budget"))
    rollout: RolloutMode = Field(validation_alias=AliasPath("site", "rollout"))
    calibration: CalibrationResponse | None
    general: GeneralGuaranteesResponse | None
    thresholds: ThresholdsResponse | None
    ham_count: int
    protection: str
    next_stage: str


class FieldErrorResponse(ResponseModel):
    """One invalid part of the body, by JSON pointer."""

    pointer: str
    detail: str


class ProblemResponse(ResponseModel):
    """An error, RFC 9457. `errors` only where parts of the body are invalid."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str = Field("", exclude_if=not_)
    request_id: str = Field("", exclude_if=not_)
    errors: list[FieldErrorResponse] = Field([], exclude_if=not_)


class BatchErrorResponse(ResponseModel):
    """In a batch, in the place of a decision: why this comment was not judged."""

    error: ProblemResponse


class BatchResponse(ResponseModel):
    """One entry for each comment of the batch, in its order."""

    decisions: list[DecisionResponse | BatchErrorResponse]
