"""The hand-written messages of these tests, and readers for them."""

from pathlib import Path
from typing import Any

from domain.adapters.ern.reader import ErnReader
from domain.claims import Draft
from domain.deliveries.check import Report, check
from domain.deliveries.message import Message
from domain.kinds import KINDS

MESSAGES = Path(__file__).parent / "messages"
WITHOUT_XSD = ErnReader()


def raw(name: str) -> bytes:
    """The bytes of a message."""
    return (MESSAGES / name).read_bytes()


def report(name: str) -> Report:
    """The report about a message, without XSD."""
    return check(raw(name), WITHOUT_XSD)


def message(name: str) -> Message:
    """A message as read."""
    found = report(name).message
    assert found is not None, name
    return found


def refs(value: Any) -> list[str]:
    """Every reference inside the fields of a draft."""
    if isinstance(value, dict):
        if set(value) == {"ref"}:
            return [value["ref"]]
        return [ref for part in value.values() for ref in refs(part)]
    if isinstance(value, list):
        return [ref for part in value for ref in refs(part)]
    return []


def assert_claimable(drafts: tuple[Draft, ...]) -> None:
    """Drafts name columns and collections that are there, hold their words, and refer backwards only."""
    seen: set[str] = set()
    for draft in drafts:
        kind = KINDS[draft.kind]
        assert draft.name not in seen, f"{draft.name} is claimed twice"
        for name, value in draft.fields.items():
            collection = kind.collection(name)
            known = name in kind.columns or collection or (name == "artist_credit" and kind.has_artist_credit)
            assert known, f"{draft.kind} has no {name}"
            assert value is None or value in kind.choices.get(name, (value,)), f"{draft.name}.{name}: {value}"
            if collection is not None:
                for item in value:
                    assert set(item) <= {*collection.columns, "position"}, f"{draft.kind}.{name}: {item}"
        for name in kind.required:
            assert draft.fields.get(name), f"{draft.name} has no {name}"
        for ref in refs({n: v for n, v in draft.fields.items() if n != "annotations"}):
            assert ref in seen, f"{draft.name} refers to {ref}, which does not come before it"
        seen.add(draft.name)
