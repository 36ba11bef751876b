"""Every error the house can raise, as one tree.

    ModerationError
    ├── InputRefused          what was sent cannot be used; the message says what to change
    │   └── CorpusRefused     a file of labelled comments has too many bad rows, or none that is good
    ├── NotSignedIn           no key, an unknown key, a wrong password
    ├── NotFound              the site, model, decision, item or moderator does not exist
    ├── Conflict              it exists already, or somebody else was faster
    ├── PromotionRefused      the gate has objections to a candidate model
    ├── ModelRefused          a model folder is incomplete, altered, or holds what a model may not hold
    ├── StorageUnavailable    the database is locked, missing, or of another version
    └── AddressInUse          the port is taken

`OUTCOMES` maps each to its HTTP status and to the exit code of the CLI.
No message may carry a key, an address or the text of a comment.
"""

from typing import NamedTuple


class ModerationError(Exception):
    """Root of the tree. `str(error)` is one sentence that tells the reader what to do."""


class InputRefused(ModerationError):
    """What was sent cannot be used.

    `faults` names each culprit: pairs of a JSON pointer (or a column) and a sentence.
    """

    def __init__(self, message: str, faults: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.faults = faults


class CorpusRefused(InputRefused):
    """A file of labelled comments cannot be learnt from."""


class NotSignedIn(ModerationError):
    """The caller did not prove who it is."""


class NotFound(ModerationError):
    """What was asked for does not exist, or not for this caller."""


class Conflict(ModerationError):
    """It exists already, or somebody else decided first."""


class PromotionRefused(ModerationError):
    """The gate has objections; the message lists every one."""


class ModelRefused(ModerationError):
    """A model folder may not be loaded."""


class StorageUnavailable(ModerationError):
    """The database cannot be used as it is."""


class AddressInUse(ModerationError):
    """Another program listens on the address asked for."""


class Outcome(NamedTuple):
    """How an error leaves the house."""

    status: int
    exit_code: int
    title: str


OUTCOMES: dict[type[ModerationError], Outcome] = {
    InputRefused: Outcome(422, 2, "The input cannot be used"),
    CorpusRefused: Outcome(422, 2, "The corpus cannot be used"),
    PromotionRefused: Outcome(409, 3, "The gate objects to this model"),
    NotFound: Outcome(404, 4, "Not found"),
    ModelRefused: Outcome(503, 5, "The model cannot be used"),
    StorageUnavailable: Outcome(503, 6, "The database cannot be used"),
    AddressInUse: Outcome(503, 7, "The address is in use"),
    NotSignedIn: Outcome(401, 8, "Not signed in"),
    Conflict: Outcome(409, 9, "In conflict with what is there"),
    ModerationError: Outcome(500, 1, "Something went wrong"),
}


def outcome(error: ModerationError) -> Outcome:
    """The row of `OUTCOMES` for the error's class or its nearest ancestor."""
    return next(OUTCOMES[kind] for kind in type(error).__mro__ if kind in OUTCOMES)
