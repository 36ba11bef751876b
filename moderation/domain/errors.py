"""All errors of the package, as one tree.

    ModerationError
    ├── InvalidInput              the input cannot be used; the message says what to change
    │   ├── InvalidCorpus         a file of labelled comments has too many bad rows, or no good one
    │   └── IdempotencyKeyReused  the key of an earlier request came with another one
    ├── AuthenticationFailed      no key, an unknown key, a wrong password
    │   └── AccessRefused         the OIDC provider signed the person in, but no group has a role here
    ├── NotFound                  the site, model, decision, item or moderator does not exist
    ├── Conflict                  it exists already, or another person was faster
    ├── PromotionRefused          a candidate model is worse than the live one
    ├── ModelUnavailable          a model folder is incomplete, altered, or contains forbidden objects
    ├── StorageUnavailable        the database is locked, missing, or of another version
    ├── ProviderUnavailable       the OIDC provider does not answer, or not as one
    └── AddressInUse              the port is taken

`ERROR_MAPPINGS` maps each to its HTTP status and to the exit code of the CLI.
No message may carry a key, an address or the text of a comment. A part of the input that it quotes is cut, and its
control characters are shown.
"""

from typing import NamedTuple

from moderation.domain.invisible import MAX_QUOTED_LENGTH, quoted

MAX_MESSAGE_LENGTH = 2_000
"""Code points of a message before its invisible characters are shown: a path may have more than a thousand."""


class ModerationError(Exception):
    """Root of the tree. `str(error)` is one sentence that says what to do."""

    def __init__(self, message: str = "") -> None:
        super().__init__(quoted(message, MAX_MESSAGE_LENGTH))


class InvalidInput(ModerationError):
    """The input cannot be used.

    `errors` are pairs of a JSON pointer (or a column) and a sentence.
    """

    def __init__(self, message: str, errors: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.errors = tuple((quoted(place), quoted(sentence, 2 * MAX_QUOTED_LENGTH)) for place, sentence in errors)


class InvalidCorpus(InvalidInput):
    """A file of labelled comments cannot be used for training."""


class IdempotencyKeyReused(InvalidInput):
    """The `Idempotency-Key` of an earlier request came with another route or body."""


class AuthenticationFailed(ModerationError):
    """The caller has no valid key, password or session."""


class AccessRefused(AuthenticationFailed):
    """The OIDC provider signed the person in, but this service does not admit them."""


class NotFound(ModerationError):
    """The object does not exist, or not for this caller."""


class Conflict(ModerationError):
    """The object exists already, or another person decided first."""


class PromotionRefused(ModerationError):
    """A candidate model is worse than the live one; the message lists all regressions."""


class ModelUnavailable(ModerationError):
    """A model cannot be loaded."""


class StorageUnavailable(ModerationError):
    """The database cannot be used."""


class ProviderUnavailable(ModerationError):
    """The OIDC provider cannot be used."""


class AddressInUse(ModerationError):
    """Another program listens on the requested address."""


class ErrorMapping(NamedTuple):
    """How callers see an error: HTTP status, exit code of the CLI, and title of the JSON answer."""

    status: int
    exit_code: int
    title: str


ERROR_MAPPINGS: dict[type[ModerationError], ErrorMapping] = {
    InvalidInput: ErrorMapping(422, 2, "The input cannot be used"),
    InvalidCorpus: ErrorMapping(422, 2, "The corpus cannot be used"),
    IdempotencyKeyReused: ErrorMapping(422, 2, "The Idempotency-Key is already used"),
    PromotionRefused: ErrorMapping(409, 3, "The model does not pass the gate"),
    NotFound: ErrorMapping(404, 4, "Not found"),
    ModelUnavailable: ErrorMapping(503, 5, "The model cannot be used"),
    StorageUnavailable: ErrorMapping(503, 6, "The database cannot be used"),
    AddressInUse: ErrorMapping(503, 7, "The address is in use"),
    AuthenticationFailed: ErrorMapping(401, 8, "Not signed in"),
    AccessRefused: ErrorMapping(403, 8, "No access for this person"),
    ProviderUnavailable: ErrorMapping(503, 1, "The provider of the sign-in cannot be used"),
    Conflict: ErrorMapping(409, 9, "Conflict with an existing object"),
    ModerationError: ErrorMapping(500, 1, "Internal error"),
}


def error_mapping(error: ModerationError) -> ErrorMapping:
    """Return the mapping of the error's class or its nearest ancestor."""
    return next(ERROR_MAPPINGS[cls] for cls in type(error).__mro__ if cls in ERROR_MAPPINGS)
