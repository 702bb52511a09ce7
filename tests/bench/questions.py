"""The four questions of the read bench: as GraphQL, and as SQL written by hand for the same answer.

The hand-written SQL stands in `sql/`. It carries the same row predicates, since any handler must look at
them, and leaves out what only the product does: old ids of merged entities, signatures in cursors.
"""

import base64
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "sql"


@dataclass(frozen=True)
class Question:
    """One question. variable: the only variable of the document."""

    name: str
    about: str
    document: str
    variable: str

    @cached_property
    def sql(self) -> str:
        """The hand-written statement; its parameters are the viewer's organization and `argument`."""
        return (_FOLDER / f"{self.name}.sql").read_text()

    def argument(self, variables: Mapping[str, Any]) -> Any:
        """The variable as PostgreSQL takes it: a text, or the UUID that ends a global id or a cursor."""
        value = variables[self.variable]
        if self.variable == "text":
            return value
        return uuid.UUID(bytes=base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))[-16:])


QUESTIONS = (
    Question(
        "Q1",
        "one track with its credited artists and its release",
        "query ($id: ID!) { track(id: $id) { id title isrc durationMs "
        "artistCredit { name names { name joinPhrase artist { id name } } } release { id title upc } } }",
        "id",
    ),
    Question(
        "Q2",
        "50 releases after a cursor with artists and tracks",
        "query ($after: String!) { releases(first: 50, after: $after) { nodes { id title upc "
        "artistCredit { names { name joinPhrase } } tracks { position title durationMs } } } }",
        "after",
    ),
    Question(
        "Q3",
        "100 tracks after a cursor with artists, as a connection",
        "query ($after: String!) { tracks(first: 100, after: $after) { nodes { id title "
        "artistCredit { names { name } } } pageInfo { hasNextPage endCursor } } }",
        "after",
    ),
    Question(
        "Q4",
        "the first 20 tracks whose title contains a text",
        "query ($text: String!) { tracks(first: 20, filter: {title: {contains: $text}}) "
        "{ nodes { id title } } }",
        "text",
    ),
)
BY_DOCUMENT = {question.document: question for question in QUESTIONS}
