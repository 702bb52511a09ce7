"""Expected noes of reads: each an error with a stable code."""

from typing import Any

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
