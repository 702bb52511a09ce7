"""Every subscription, for everybody who may ask: over a socket, and as server-sent events."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from graphql import get_named_type
from websockets.exceptions import ConnectionClosed

from domain.ids import encode_id
from domain.row import new_id
from tests.matrix import rules
from tests.matrix.callers import COLUMNS, FOREIGN, GOOD, NARROW, OWN, REFUSED, Crowd, forms_of, without
from tests.matrix.ways import ANY_ID, CORE, NODES, arguments_of, full, private

assert CORE.subscription_type is not None
FIELDS = CORE.subscription_type.fields
WAYS = ("socket", "events")
ROWS = frozenset((name, way) for name in FIELDS for way in WAYS)
CELLS: Counter[str] = Counter()
# A subscription that tells of what will be is silent at first; this long it is listened to.
_SILENT_S = 0.2
_PATIENCE_S = 30.0

# The code of the refusal, "" for a first answer, "silent" where nothing is told.
Verdict = str


def document(name: str, id: str) -> str:
    """The subscription to one field, with the least that it takes and gives."""
    return f"subscription {{ {name}{arguments_of(FIELDS[name]).replace(ANY_ID, id)} {{ id }} }}"


def kind_of(name: str) -> str:
    """Of what kind the rows are that a field tells of."""
    return NODES[get_named_type(FIELDS[name].type).name]


def needs(name: str) -> frozenset[str]:
    return rules.of_field(CORE, "Subscription", name)


def over_socket(crowd: Crowd, brought: Mapping[str, str], asked: str, wait_s: float) -> tuple[Verdict, str]:
    """What a caller is told first, and in which words."""
    with crowd.socket(brought) as opened:
        text = ""
        try:
            # Whoever is nobody may be told so before this is sent.
            opened.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": asked}}))
            assert json.loads(opened.recv(30)) == {"type": "connection_ack"}
            text = str(opened.recv(wait_s))
        except TimeoutError:
            return "silent", ""
        except ConnectionClosed:
            return (opened.close_reason or "").partition(":")[0], opened.close_reason or ""
        message = json.loads(text)
        if message["type"] == "error":
            return message["payload"][0]["extensions"]["code"], message["payload"][0]["message"]
        return "", text


def as_events(crowd: Crowd, brought: Mapping[str, str], asked: str, wait_s: float) -> tuple[Verdict, str]:
    """The same by HTTP."""
    headers = {**brought, "Accept": "text/event-stream"}
    silent = httpx2.Timeout(_PATIENCE_S, read=wait_s)
    body = {"query": asked}
    with (
        suppress(httpx2.ReadTimeout),
        crowd.client.stream("POST", "/graphql", json=body, headers=headers, timeout=silent) as answer,
    ):
        if answer.status_code != 200:
            answer.read()
            told: dict[str, Any] = answer.json()
            code = told.get("code") or told["errors"][0]["extensions"]["code"]
            return code, str(told.get("detail"))
        for line in answer.iter_lines():
            if line.startswith("data: "):
                told = json.loads(line[6:])
                if errors := told.get("errors"):
                    return errors[0]["extensions"]["code"], errors[0]["message"]
                return "", line
    return "silent", ""


ASK = {"socket": over_socket, "events": as_events}


def first(
    crowd: Crowd, way: str, brought: Mapping[str, str], asked: str, wait_s: float = _PATIENCE_S
) -> tuple[Verdict, str]:
    """What is told first; what is hidden from the caller stands in no word of it."""
    verdict, text = ASK[way](crowd, brought, asked, wait_s)
    hidden = crowd.hidden.get(crowd.organization(brought), {})
    for secret, name in hidden.items():
        assert secret.decode() not in text.replace(asked, ""), name
    return verdict, text


@pytest.fixture(scope="module", autouse=True)
def counted() -> Iterator[None]:
    """Say how many cells there were."""
    yield
    print(f"\nmatrix of subscriptions: {sum(CELLS.values()):,} cells in {len(CELLS)} columns")


def judged(column: str, cells: set[tuple[str, str]]) -> None:
    """Every row has its cell in this column."""
    assert cells == ROWS, sorted(ROWS - cells)
    CELLS[column] = len(cells)


def judge(crowd: Crowd, column: str, rows: Iterable[tuple[str, str]] = ROWS) -> None:
    headers, held = crowd.brings(column), GOOD[column][1]
    cells = set()
    for name, way in rows:
        kind, alone = kind_of(name), "id" in FIELDS[name].args
        if not needs(name) <= held:
            wanted = {"INSUFFICIENT_SCOPE"}
        elif not alone:
            wanted = {"silent"}
        else:
            wanted = {""} if column in OWN else {"NOT_FOUND"}
        id = (full if column in OWN else private)(crowd.planted.world, kind)
        wait_s = _SILENT_S if wanted == {"silent"} else _PATIENCE_S
        verdict, text = first(crowd, way, headers, document(name, id), wait_s)
        assert verdict in wanted, (column, name, way, verdict, text)
        if verdict == "NOT_FOUND":
            absent = encode_id(kind, new_id())
            assert first(crowd, way, headers, document(name, absent)) == (verdict, text)
            assert not any(form in text for form in forms_of(id))
        cells.add((name, way))
    judged(column, cells)


@pytest.mark.parametrize("column", OWN)
def test_people_of_the_organization(crowd: Crowd, column: str) -> None:
    """What the role may read is told; what it may not is refused as the subscription begins."""
    judge(crowd, column)


@pytest.mark.parametrize("column", FOREIGN)
def test_people_of_other_organizations(crowd: Crowd, column: str) -> None:
    """A row of ours is to them as a row that never was."""
    judge(crowd, column)


@pytest.mark.parametrize("column", REFUSED)
def test_whoever_is_nobody(crowd: Crowd, column: str) -> None:
    """Without a good credential nothing begins."""
    cells = set()
    for name, way in ROWS:
        asked = document(name, full(crowd.planted.world, kind_of(name)))
        verdict, text = first(crowd, way, crowd.brings(column), asked)
        assert verdict == REFUSED[column], (name, way, text)
        cells.add((name, way))
    judged(column, cells)


def test_all_but_the_needed_scope(crowd: Crowd) -> None:
    cells = set()
    for name, way in ROWS:
        asked = document(name, full(crowd.planted.world, kind_of(name)))
        assert needs(name), "a subscription that everybody may begin is judged by its rows alone"
        for scope in needs(name):
            verdict, text = first(crowd, way, crowd.narrow(without(scope)), asked)
            assert verdict == "INSUFFICIENT_SCOPE", (name, way, text)
            assert scope in text
        cells.add((name, way))
    judged(NARROW[0], cells)


def test_only_the_needed_scope(crowd: Crowd) -> None:
    cells = set()
    for name, way in ROWS:
        asked = document(name, full(crowd.planted.world, kind_of(name)))
        wanted, wait_s = ("", _PATIENCE_S) if "id" in FIELDS[name].args else ("silent", _SILENT_S)
        verdict, text = first(crowd, way, crowd.narrow(needs(name)), asked, wait_s)
        assert verdict == wanted, (name, way, text)
        cells.add((name, way))
    judged(NARROW[1], cells)


def test_no_cell_is_unasserted() -> None:
    """Every row was judged in every column, when all of this file has run."""
    if set(CELLS) != set(COLUMNS):
        pytest.skip("only a part of the columns was asked for")
    assert sum(CELLS.values()) == len(ROWS) * len(COLUMNS)
