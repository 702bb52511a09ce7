"""Refusals: expected noes, declared by the commands that can give them.

A refusal is a value with a stable code; GraphQL puts it into `userErrors`, REST into problem+json.
Anything else that is raised is a fault: logged with the request id and masked.
"""

from typing import ClassVar


class Refusal(Exception):
    """An expected no. `text` says what was given and what would do; `path` points into the input."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 422

    def __init__(self, text: str, *, path: tuple[str | int, ...] = (), **details: object) -> None:
        super().__init__(text)
        self.text = text
        self.path = path
        self.details = details


class NotFound(Refusal):
    """No such row, or one that the caller may not see."""

    code = "not_found"
    status = 404


class InputInvalid(Refusal):
    """A value that no command would take."""

    code = "validation_error"
    status = 422


class VersionConflict(Refusal):
    """The row changed since the caller read it."""

    code = "version_conflict"
    status = 412


class ScopeMissing(Refusal):
    """The token lacks the scope that the command asks for."""

    code = "insufficient_scope"
    status = 403


class KeyMissing(Refusal):
    """The request makes or starts something and came without an idempotency key."""

    code = "idempotency_key_required"
    status = 400


class KeyReused(Refusal):
    """The idempotency key was used for another request body."""

    code = "idempotency_key_reused"
    status = 422


class KeyInFlight(Refusal):
    """The first request with this idempotency key has not finished."""

    code = "idempotency_key_in_flight"
    status = 409


class ReferenceMissing(Refusal):
    """The input points at an entity that is not there."""

    code = "reference_not_found"
    status = 422


class StillReferred(Refusal):
    """Something else stands on what was to go."""

    code = "still_referenced"
    status = 409


class RevertConflict(Refusal):
    """A later change stands on the change set that was to be reverted."""

    code = "revert_conflict"
    status = 409


class HistoryGone(Refusal):
    """What was to be taken back is no longer known whole: its time was over, and it was purged."""

    code = "history_gone"
    status = 410


class TooMany(Refusal):
    """More than one call takes."""

    code = "too_many"
    status = 422


class DeliveryRefused(Refusal):
    """The bytes are no delivery that can be taken in."""

    code = "delivery_refused"
    status = 422
