"""Expected noes of reads: each an error with a stable code."""

from collections.abc import Sequence
from typing import Any

import orjson
from graphql import GraphQLError

from domain.refusals import Refusal


class ReadRefused(Exception):
    """A request that can't be answered, with what was given and what would do."""

    def __init__(self, code: str, text: str, *, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.path = path

    def error(self) -> dict[str, Any]:
        """The GraphQL error."""
        made: dict[str, Any] = {"message": self.text, "extensions": {"code": self.code}}
        return {**made, "path": list(self.path)} if self.path else made


def plain_text(text: str, name: str) -> str:
    """The text, if PostgreSQL can hold it. Raises ReadRefused for a NUL or half a surrogate pair."""
    if "\x00" in text:
        raise ReadRefused("BAD_USER_INPUT", f"{name} has a NUL, which no text holds")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ReadRefused(
            "BAD_USER_INPUT", f"{name} has half a surrogate pair, which is no character"
        ) from None
    return text


def told(error: GraphQLError, code: str) -> dict[str, Any]:
    """The error as callers get it; a refusal of ours has its own code."""
    original = error.original_error
    made: dict[str, Any] = {
        "message": error.message,
        "extensions": {"code": original.code.upper() if isinstance(original, Refusal) else code},
    }
    if error.locations:
        made["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path:
        made["path"] = list(error.path)
    return made


class RequestRefused(Exception):
    """A request that has no data at all: it can't be parsed, validated, coerced or allowed."""

    def __init__(self, errors: Sequence[dict[str, Any]]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = list(errors)

    @property
    def code(self) -> str:
        """The first error's code."""
        found: str = self.errors[0]["extensions"]["code"]
        return found

    def body(self) -> bytes:
        """The response."""
        return orjson.dumps({"errors": self.errors})
