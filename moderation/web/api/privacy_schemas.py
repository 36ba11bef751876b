"""Requests and responses about all that is stored about a person."""

from typing import Literal

from pydantic import Field

from moderation.domain.person import MAX_IDENTIFIER_LENGTH
from moderation.web.api.guarantee_schemas import ResponseModel
from moderation.web.api.schemas import RequestModel, Text


class PersonRequest(RequestModel):
    """The author of comments, by the e-mail address, the id at the blog or the name that the comments have."""

    by: Literal["email", "author-id", "name"]
    value: Text = Field(min_length=1, max_length=MAX_IDENTIFIER_LENGTH)


class ReceiptResponse(ResponseModel):
    """The numbers of an erasure, and places that may have copies; no fact about the person.

    `rewritten` and `wal_emptied` say whether the files of an SQLite database have no byte of it left.
    """

    id: str
    installation: str
    site: str
    erased_at: str
    by: str
    comments: int
    labels: int
    rules: int
    list_entries: int
    views: int
    other_lists: list[str]
    database: str
    rewritten: bool
    wal_emptied: bool
    backups: list[str]
    models: list[str]
    format: int
    signature: str
