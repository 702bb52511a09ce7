"""What each source says, and what is true: pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.claims import Policy, Record, checksum, claims_of, resolve

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def said(
    source: str,
    *,
    minutes: int = 0,
    exists: bool = True,
    locks: tuple[str, ...] = (),
    sure: float | None = None,
    **fields: Any,
) -> Record:
    claims = claims_of("recording", fields, exists=exists, locks=locks)
    return Record(source, f"recording:{source}", 1, claims, NOON + timedelta(minutes=minutes), sure)


def test_one_record_is_the_plain_copy() -> None:
    assert resolve("recording", [said("ern", title="Blue", isrc=None)], Policy()) == {
        "title": "Blue",
        "isrc": None,
    }


def test_a_persons_correction_survives_the_next_delivery() -> None:
    records = [said("manual", title="Blue", exists=False), said("ern", title="Bleu", isrc="X", minutes=9)]
    assert resolve("recording", records, Policy()) == {"title": "Blue", "isrc": "X"}


def test_a_person_may_say_that_there_is_nothing() -> None:
    records = [said("manual", isrc=None, exists=False), said("ern", title="Blue", isrc="X")]
    assert resolve("recording", records, Policy()) == {"title": "Blue", "isrc": None}


def test_policy_of_the_owner_beats_the_default_and_a_lock_beats_the_policy() -> None:
    trusts_ern = Policy({("recording", "title"): ("ern", "manual")})
    open_records = [said("manual", title="A", exists=False), said("ern", title="B")]
    locked = [said("manual", title="A", exists=False, locks=("title",)), said("ern", title="B")]
    assert resolve("recording", open_records, trusts_ern) == {"title": "B"}
    assert resolve("recording", locked, trusts_ern) == {"title": "A"}


def test_among_equals_the_surer_and_then_the_later_one_is_believed() -> None:
    assert resolve(
        "recording", [said("x", title="A", sure=0.9), said("y", title="B", sure=0.5, minutes=5)], Policy()
    ) == {"title": "A"}
    assert resolve("recording", [said("x", title="A"), said("y", title="B", minutes=5)], Policy()) == {
        "title": "B"
    }


def test_nobody_vouches_for_it_any_more() -> None:
    assert (
        resolve("recording", [said("ern", exists=False), said("manual", title="A", exists=False)], Policy())
        is None
    )


@given(
    st.permutations(
        [
            said("manual", title="A", exists=False),
            said("ern", title="B", isrc="1"),
            said("rss", isrc="2", minutes=3),
            said("csv", p_line="x"),
        ]
    )
)
def test_the_order_of_arrival_does_not_matter(records: list[Record]) -> None:
    assert resolve("recording", records, Policy()) == {"title": "A", "isrc": "1", "p_line": "x"}


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.text())))
def test_equal_claims_have_equal_checksums_in_any_order(fields: dict[str, Any]) -> None:
    backwards = dict(reversed(list(fields.items())))
    assert checksum(fields) == checksum(backwards)
