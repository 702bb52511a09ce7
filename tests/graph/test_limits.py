"""What a document may be at most: refused before it is validated, in little time."""

import time
import uuid
from typing import Any

import pytest
from graphql import get_introspection_query

from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.ports import SqlPool
from graph.limits import LIMITS, parsed
from graph.paging import CursorKey
from graph.problems import ReadRefused
from graph.run import Engine, RequestRefused
from tests.pace import unit_s

VIEWER = Viewer(uuid.UUID(int=1), "user:limits", Role.LABEL_USER, frozenset(Scope))


class NoPool:
    """What is refused before any statement needs no connection."""

    def acquire(self) -> Any:
        raise AssertionError("a refused document reached the pool")


@pytest.fixture(scope="module")
def engine() -> Engine:
    pool: SqlPool = NoPool()
    return Engine(pool, CursorKey(b"limits"))


def spreads(count: int, depth: int) -> str:
    """Fragments that spread the next one several times."""
    inner = " ".join(f"fragment F{n} on Release {{ {f'...F{n + 1} ' * count}}}" for n in range(depth))
    return f"{{ releases {{ nodes {{ ...F0 }} }} }} {inner} fragment F{depth} on Release {{ id }}"


def nested(levels: int) -> str:
    """A document so many levels deep."""
    return "{ a " * (levels - 1) + "{ b }" + " }" * (levels - 1)


TOO_MUCH = {
    "bytes": ("{ __typename }" + " " * LIMITS.bytes, "bytes"),
    "bytes, not characters": ("{ __typename } #" + "ü" * (LIMITS.bytes // 2), "bytes"),
    "tokens": ("{ " + "a " * LIMITS.tokens + "}", "tokens"),
    "fragments": (
        "{ a } " + " ".join(f"fragment F{n} on Release {{ id }}" for n in range(LIMITS.fragments + 1)),
        "fragments",
    ),
    "aliases": ("{ r { " + " ".join(f"a{n}: b" for n in range(LIMITS.aliases + 1)) + " } }", "aliases"),
    "aliases in a fragment spread often": (
        "{ "
        + "...F " * (LIMITS.aliases // 10 + 1)
        + "} fragment F on Query { "
        + " ".join(f"a{n}: b" for n in range(10))
        + " }",
        "aliases",
    ),
    "directives": ("{ a " + "@skip(if: true) " * (LIMITS.directives + 1) + "}", "directives"),
    "depth": (nested(LIMITS.depth + 1), "levels"),
    "depth by fragments": (
        "{ ...F0 } "
        + " ".join(f"fragment F{n} on Query {{ a {{ ...F{n + 1} }} }}" for n in range(LIMITS.depth))
        + f" fragment F{LIMITS.depth} on Query {{ a }}",
        "levels",
    ),
    "inline fragments": ("{ " + "... { " * 51 + "a" + " }" * 52, "brackets inside each other"),
    "fragments inside each other": (
        "{ ...F0 ... { ... { ...F0 } } } "
        + " ".join(f"fragment F{n} on Query {{ ... {{ ...F{n + 1} }} }}" for n in range(LIMITS.fragments - 1))
        + f" fragment F{LIMITS.fragments - 1} on Query {{ a }}",
        "fragments inside each other",
    ),
    "brackets of a value": ("{ a(b: " + "[" * 50 + "]" * 50 + ") }", "brackets inside each other"),
    "roots": ("{ " + " ".join(f"a{n}" for n in range(LIMITS.roots + 1)) + " }", "fields at the root"),
    "introspection": (
        "{ __schema { types { "
        + "ofType { " * (LIMITS.introspection - 2)
        + "name "
        + "} " * (LIMITS.introspection + 1),
        "levels",
    ),
    "spreads that double": (spreads(2, 40), "fields"),
    "spreads in a fragment that nobody spreads": (
        "{ a } " + spreads(2, 40).replace("...F0", "id"),
        "fields",
    ),
    "the same field again and again": ("{ " + "releases { nodes { id } } " * 150 + "}", "repeated fields"),
    "the same fields in many fragments": (
        "{ releases { nodes { "
        + " ".join(f"...F{n}" for n in range(40))
        + " } } } "
        + " ".join(f"fragment F{n} on Release {{ id title id title }}" for n in range(40)),
        "repeated fields",
    ),
}


@pytest.mark.parametrize(("document", "what"), TOO_MUCH.values(), ids=TOO_MUCH)
async def test_what_is_too_much_is_refused_by_name(engine: Engine, document: str, what: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        await engine.execute(document, None, VIEWER)
    assert refused.value.code == "LIMIT_EXCEEDED"
    assert what in str(refused.value)
    assert "at most" in str(refused.value)


def test_a_short_document_is_not_judged_for_long() -> None:
    for document, _ in TOO_MUCH.values():
        unit = unit_s()
        began = time.process_time()
        with pytest.raises(ReadRefused):
            parsed(document)
        assert time.process_time() - began < 20 * unit


@pytest.mark.parametrize(
    "document",
    [
        get_introspection_query(),
        nested(LIMITS.depth),
        "{ r { " + " ".join(f"a{n}: b" for n in range(LIMITS.aliases)) + " } }",
        spreads(2, 6),
        "{ " + "a " * 45 + "}",
        # What is wrong in itself is for validation to tell.
        "{ ...Missing }",
        "{ ...F } fragment F on Query { ...G } fragment G on Query { a { ...F } }",
    ],
    ids=["introspection", "deep", "aliased", "spread", "repeated", "missing fragment", "circle"],
)
def test_what_is_large_and_allowed_passes(document: str) -> None:
    assert parsed(document).definitions


async def test_an_operation_beyond_any_budget_is_refused_with_its_price(engine: Engine) -> None:
    document = (
        "{ releases(first: 100) { nodes { tracks { recording { tracks(first: 100) { nodes { recording { "
        "tracks(first: 100) { nodes { id } } } } } } } } } }"
    )
    with pytest.raises(RequestRefused) as refused:
        await engine.execute(document, None, VIEWER)
    assert refused.value.code == "LIMIT_EXCEEDED"
    assert "points; at most 1,000,000" in str(refused.value)


async def test_what_is_kept_of_documents_stays_small(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.run.CHARACTERS", 2_000)
    for number in range(100):
        engine.parsed(f"query Q{number} {{ __typename }} #" + "." * 200)
    assert 5 <= len(engine._documents) <= 10
    assert engine._characters == sum(len(text) for text, *_ in engine._documents) <= 2_000
