"""Requests and responses about trusted and blocked authors, in the API, the OpenAPI document and the CLI's JSON."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from moderation.actions.author_rules import MAX_DAYS
from moderation.domain.authors import FACT_PATTERN, MAX_FACT_LENGTH, AuthorFact, Standing
from moderation.web.api.guarantee_schemas import ResponseModel
from moderation.web.api.schemas import RequestModel, Text, Time


def _whole(value: object) -> object:
    """Return 30 for 30.0: both are the same integer in JSON Schema."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class AuthorRuleRequest(RequestModel):
    """Trust or block an author whom the blog vouches for, or all of a role; a null standing forgets the rule."""

    fact: Literal["id", "role"]
    value: Text = Field(
        pattern=FACT_PATTERN,
        max_length=MAX_FACT_LENGTH,
        description="One id or role, as in `author_id` or `author_roles`.",
    )
    standing: Literal["trusted", "blocked"] | None
    days: Annotated[int | None, BeforeValidator(_whole)] = Field(
        None, ge=1, le=MAX_DAYS, description="For so many days; null is for good."
    )
    set_by: Text | None = Field(None, max_length=200, description="The person who decides, if the blog says so.")
    reason: Text = Field("", max_length=500, description="Why; decisions name it.")


class AuthorRuleResponse(ResponseModel):
    """A trusted or blocked author, or a role, until `expires_at`; null is for good."""

    fact: AuthorFact
    value: Text
    standing: Standing
    set_by: Text
    channel: str
    created_at: Time
    expires_at: Time | None
    reason: Text
