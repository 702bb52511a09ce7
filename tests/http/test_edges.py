"""Each limit at its edge: what is just allowed passes, one more is refused at once and by name."""

import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from graphql import GraphQLError, Lexer, Source, TokenKind, parse
from hypothesis import example, given
from hypothesis import strategies as st

from graph.limits import LIMITS, OURS, check_json, check_values, parsed, scan
from graph.problems import ReadRefused
from tests.pace import unit_s

# Refused with less work than parsing a hundred small queries.
UNITS = 1.0


def _names(count: int, part: str) -> str:
    return " ".join(part.replace("#", str(n)) for n in range(count))


def _fragments(count: int) -> str:
    return "{ __typename } " + _names(count, "fragment F# on Query { id }")


def _written_out(count: int) -> str:
    """As many fields and spreads: a field with a spread of a fragment of 40 fields is 42 of them."""
    whole, rest = divmod(count - 1, 42)
    inside = _names(whole, "a# { ...F }") + " " + _names(rest, "b#")
    return "{ r { " + inside + " } } fragment F on Query { " + _names(40, "c#") + " }"


def _pairs(count: int) -> str:
    """As many pairs of repeated fields: a field n times is n(n - 1)/2 of them."""
    parts, name = [], 0
    while count:
        times = int((1 + (1 + 8 * count) ** 0.5) / 2)
        parts.append(f"f{name} " * times)
        count -= times * (times - 1) // 2
        name += 1
    return "{ a { " + " ".join(parts) + " } }"


EDGES: dict[str, Callable[[int], str]] = {
    "bytes": lambda n: "{ a }" + " " * (n - 5),
    "tokens": lambda n: "{ a(b: [" + "1 " * (n - 9) + "]) }",
    "nesting": lambda n: "{ a(b: " + "[" * (n - 2) + "]" * (n - 2) + ") }",
    "operations": lambda n: _names(n, "query Q# { a }"),
    "fragments": _fragments,
    "depth": lambda n: "{ a " * n + "}" * n,
    "introspection": lambda n: "{ __schema { types { " + "ofType { " * (n - 3) + "name " + "} " * n,
    "roots": lambda n: "{ " + _names(n, "a#") + " }",
    "aliases": lambda n: "{ r { " + _names(n, "a#: b") + " } }",
    "directives": lambda n: "{ a " + "@skip(if: true) " * n + "}",
    "fields": _written_out,
    "repeats": _pairs,
}
VALUES: dict[str, Callable[[int], dict[str, Any]]] = {
    "values": lambda n: {"a": [0] * (n - 1)},
    "value_depth": lambda n: orjson.loads('{"a":' + "[" * n + "]" * n + "}"),
}


def test_every_limit_has_its_edge_tried() -> None:
    assert {*EDGES, *VALUES, "body"} == {name for name, _, _ in LIMITS.table()}


@pytest.mark.parametrize("name", EDGES)
def test_one_below_passes_and_one_above_is_refused_at_once(name: str) -> None:
    most = getattr(LIMITS, name)
    for count in (most - 1, most):
        assert parsed(EDGES[name](count)).definitions
    above = EDGES[name](most + 1)
    _refused(lambda: parsed(above), most)


@pytest.mark.parametrize("name", VALUES)
def test_variables_have_edges_as_well(name: str) -> None:
    most = getattr(LIMITS, name)
    check_values(VALUES[name](most))
    above = VALUES[name](most + 1)
    _refused(lambda: check_values(above), most)


def test_json_is_counted_before_it_is_read() -> None:
    most = LIMITS.values
    check_json(b'{"a":[' + b"{}," * (most - 2))
    check_json(b'{"query":"' + b"{[" * most + b'","a":"\\"{"}')
    _refused(lambda: check_json(b"[" * (most + 1)), most)


def _refused(ask: Callable[[], object], most: int) -> None:
    spent = []
    for _ in range(5):
        unit = unit_s()
        began = time.process_time()
        with pytest.raises(ReadRefused) as refused:
            ask()
        spent.append((time.process_time() - began) / unit)
        if spent[-1] < UNITS:
            break
    assert refused.value.code == "LIMIT_EXCEEDED"
    assert f"at most {most:,}" in refused.value.text
    assert min(spent) < UNITS


PIECES = st.one_of(
    st.sampled_from([*"{}()[]:=!|&$@", "...", "a", "_1", "query", "on", "-1", "1.5e3", "0"]),
    st.sampled_from([" ", "\n", "\r\n", "\t", ",", "\ufeff", "# x\n", "#\r"]),
    st.sampled_from(['"x"', '""', '"\\"x"', '"\\u00e9#"', '"""x"""', '""""""', '"""\\"""" " "" \n# """']),
)


@given(st.lists(PIECES, max_size=60))
@example(['"""', "a"])
@example(["\u00a0"])
def test_the_scan_counts_tokens_as_the_parser_does(pieces: list[str]) -> None:
    text = " ".join(pieces)
    tokens = _lexed(text)
    if tokens is None:
        return
    most = LIMITS.__class__(tokens=tokens, nesting=1_000)
    scan(text, most)
    if tokens:
        with pytest.raises(ReadRefused, match="tokens"):
            scan(text, LIMITS.__class__(tokens=tokens - 1, nesting=1_000))


def _lexed(text: str) -> int | None:
    """How many tokens the lexer finds; None where it finds what is none."""
    lexer, count = Lexer(Source(text)), 0
    try:
        while lexer.advance().kind is not TokenKind.EOF:
            count += 1
    except GraphQLError:
        return None
    return count


def test_the_check_is_small_beside_the_parser() -> None:
    document = (
        "query ($id: ID!) { release(id: $id) { id title media { tracks { title recording { isrc } } } } }"
    )

    def spent(ask: Callable[[str], object]) -> float:
        best = 1.0
        for _ in range(5):
            began = time.process_time()
            for _ in range(100):
                ask(document)
            best = min(best, time.process_time() - began)
        return best

    assert spent(parsed) < 2 * spent(parse)


def test_the_stored_documents_of_rest_have_room_for_what_they_include() -> None:
    with pytest.raises(ReadRefused):
        parsed(EDGES["depth"](OURS.depth))
    assert parsed(EDGES["depth"](OURS.depth), OURS).definitions
