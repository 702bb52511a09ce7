"""What decides, by named examples: one for each reason, and for each rule."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.rights.availability import (
    Availability,
    Case,
    Question,
    Reason,
    Spot,
    Terms,
    common,
    cover,
    decide,
    united,
    without,
)
from domain.rights.candidates import NOBODY
from domain.rights.territory import WORLD, countries_of
from domain.rights.uses import granted_by
from domain.rights.words import told, why_not

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
RELEASE, TRACK, RECORDING, OTHER = (uuid.UUID(int=n) for n in range(1, 5))
US, THEM = uuid.UUID(int=11), uuid.UUID(int=12)
ASKED = Question(("DE",), NOW, "OnDemandStream", "SubscriptionModel")
A_RELEASE = Spot(frozenset(), RELEASE)
A_TRACK = Spot(frozenset({TRACK, RECORDING}), RELEASE)
_ids = iter(range(100, 10_000))


def a_deal(*subjects: uuid.UUID, **values: Any) -> Terms:
    """A deal that allows what is asked."""
    made: dict[str, Any] = {
        "territories": frozenset({"DE", "CH"}),
        "use_types": ("OnDemandStream",),
        "commercial_models": ("SubscriptionModel",),
        **values,
    }
    return Terms(id=uuid.UUID(int=next(_ids)), subjects=frozenset(subjects or (RELEASE,)), **made)


def ask(
    *deals: Terms, spots: tuple[Spot, ...] = (A_RELEASE,), of: uuid.UUID | None = US, **more: Any
) -> Availability:
    """The answer on these deals."""
    question = replace(ASKED, **{k: v for k, v in more.items() if k != "status"})
    answer = decide(question, Case(more.get("status", "active"), spots, deals, of))
    assert told(question, answer, details=True)
    assert str(deals[0].id if deals else "x") not in told(question, answer, details=False)
    assert all(why_not(question, answer, verdict).endswith(".") for verdict in answer.nearest)
    return answer


def test_a_deal_in_force_allows_and_is_named() -> None:
    deal = a_deal(valid_from=NOW - DAY, valid_until=NOW + DAY)
    answer = ask(deal)
    assert (answer.allowed, answer.deciding, answer.reasons) == (True, (deal,), ())
    assert (answer.since, answer.until, answer.next_change) == (NOW - DAY, NOW + DAY, NOW + DAY)


@pytest.mark.parametrize(
    ("reason", "values"),
    [
        (Reason.TERRITORY, {"territories": frozenset({"FR"})}),
        (Reason.USE_TYPE, {"use_types": ("PermanentDownload",)}),
        (Reason.USE_TYPE, {"use_types": ()}),
        (Reason.COMMERCIAL_MODEL, {"commercial_models": ("PayAsYouGoModel",)}),
        (Reason.COMMERCIAL_MODEL, {"commercial_models": ()}),
        (Reason.COMMERCIAL_MODEL, {"commercial_models": ("AsPerContract",)}),
        (Reason.NOT_YET, {"valid_from": NOW + TICK}),
        (Reason.EXPIRED, {"valid_until": NOW}),
        (Reason.OTHER_LICENSEE, {"licensee": THEM}),
        (Reason.LICENSEE_UNMATCHED, {"is_unmatched": True}),
        (Reason.NOT_ACTIVE, {"status": "draft"}),
        (Reason.NOT_ACTIVE, {"status": "taken_down"}),
    ],
)
def test_each_condition_that_fails_is_the_reason(reason: Reason, values: dict[str, Any]) -> None:
    answer = ask(a_deal(**values))
    assert (answer.allowed, answer.reasons, answer.deciding) == (False, (reason,), ())
    assert answer.nearest[0].reasons == (reason,)
    assert answer.missing == ("DE",)


def test_without_deals_there_is_none() -> None:
    answer = ask()
    assert (answer.allowed, answer.reasons, answer.nearest) == (False, (Reason.NO_DEAL,), ())


def test_a_period_is_half_open() -> None:
    deal = a_deal(valid_from=NOW, valid_until=NOW + DAY)
    instants = (NOW - TICK, NOW, NOW + DAY - TICK, NOW + DAY)
    assert [ask(deal, at=at).allowed for at in instants] == [False, True, True, False]


def test_the_nearest_deals_come_first_and_say_all_that_failed() -> None:
    far = a_deal(territories=frozenset({"FR"}), use_types=("Download",), valid_until=NOW - DAY)
    near = a_deal(valid_until=NOW - DAY)
    answer = ask(far, near)
    assert [verdict.deal for verdict in answer.nearest] == [near, far]
    assert answer.nearest[1].reasons == (Reason.TERRITORY, Reason.USE_TYPE, Reason.EXPIRED)


def test_an_embargo_tells_when_it_ends_and_whether_it_may_be_ordered() -> None:
    soon = a_deal(valid_from=NOW + DAY)
    answer = ask(soon)
    assert (answer.reasons, answer.next_change, answer.is_pre_orderable) == (
        (Reason.NOT_YET,),
        NOW + DAY,
        False,
    )
    assert ask(replace(soon, pre_order_at=NOW)).is_pre_orderable
    assert not ask(replace(soon, pre_order_at=NOW + TICK)).is_pre_orderable
    assert not ask(replace(soon, pre_order_at=NOW, use_types=("Download",))).is_pre_orderable


def test_a_takedown_in_force_forbids_there_and_decides() -> None:
    deal, down = a_deal(), a_deal(is_takedown=True, territories=frozenset({"DE"}), valid_from=NOW)
    answer = ask(deal, down)
    assert (answer.allowed, answer.reasons, answer.deciding) == (False, (Reason.TAKEN_DOWN,), (down,))
    assert ask(deal, down, countries=("CH",)).allowed
    before = ask(deal, down, at=NOW - TICK)
    assert (before.allowed, before.until) == (True, NOW)
    for_them = replace(down, licensee=THEM)
    assert ask(deal, for_them).allowed
    assert not ask(deal, for_them, of=THEM).allowed
    # Of the release without any deal, the takedown is the answer all the same.
    assert ask(down).reasons == (Reason.TAKEN_DOWN,)


@pytest.mark.parametrize(
    ("status", "reason"),
    [("taken_down", Reason.TAKEN_DOWN), ("draft", Reason.NOT_ACTIVE), ("deleted", Reason.NOT_ACTIVE)],
)
def test_what_is_not_active_is_not_available(status: str, reason: Reason) -> None:
    answer = ask(a_deal(), status=status)
    assert (answer.allowed, answer.reasons, answer.by_status) == (False, (reason,), True)
    of_release = ask(a_deal(), spots=(replace(A_TRACK, status=status),))
    assert (of_release.allowed, of_release.reasons) == (False, (reason,))


def test_a_release_that_is_down_leaves_the_recording_elsewhere() -> None:
    elsewhere = Spot(frozenset({OTHER, RECORDING}), uuid.UUID(int=5))
    spots = (replace(A_TRACK, status="taken_down"), elsewhere)
    assert not ask(a_deal(), spots=spots).allowed
    assert ask(a_deal(uuid.UUID(int=5)), spots=spots).allowed


def test_a_release_s_deal_covers_its_tracks_unless_a_narrower_one_speaks_of_the_same() -> None:
    wide = a_deal()
    assert ask(wide, spots=(A_TRACK,)).deciding == (wide,)
    for narrow in (a_deal(TRACK, valid_until=NOW - DAY), a_deal(RECORDING, territories=frozenset({"FR"}))):
        answer = ask(wide, narrow, spots=(A_TRACK,))
        assert not answer.allowed
        assert {v.deal.id: v.reasons for v in answer.nearest}[wide.id] == (Reason.NARROWER_DEAL,)
        # Of the release itself it says nothing.
        assert ask(wide, narrow).allowed
    other_model = a_deal(TRACK, commercial_models=("PayAsYouGoModel",), valid_until=NOW - DAY)
    other_use = a_deal(TRACK, use_types=("PermanentDownload",), valid_until=NOW - DAY)
    for_them = a_deal(TRACK, licensee=THEM, valid_until=NOW - DAY)
    assert ask(wide, other_model, other_use, for_them, spots=(A_TRACK,)).deciding == (wide,)
    general = a_deal(TRACK, use_types=("Stream",), valid_until=NOW - DAY)
    assert not ask(wide, general, spots=(A_TRACK,)).allowed
    narrow = a_deal(TRACK)
    assert ask(wide, narrow, spots=(A_TRACK,)).deciding == (narrow,)


def test_any_use_or_model_will_do_where_none_is_asked_for() -> None:
    wide = a_deal(commercial_models=("SubscriptionModel", "PayAsYouGoModel"))
    narrow = a_deal(TRACK, valid_until=NOW - DAY)
    assert ask(wide, narrow, spots=(A_TRACK,), commercial_model=None).allowed
    assert not ask(wide, narrow, spots=(A_TRACK,)).allowed
    assert not ask(a_deal(use_types=()), use_type=None).allowed
    assert not ask(a_deal(commercial_models=()), commercial_model=None).allowed


def test_a_general_use_grants_its_cases_and_not_the_other_way_round() -> None:
    assert ask(a_deal(use_types=("Stream",))).allowed
    assert not ask(a_deal(), use_type="Stream").allowed
    assert set(granted_by("TetheredDownload")) == {"TetheredDownload", "ConditionalDownload", "Download"}
    assert granted_by("Stream") == ("Stream",)
    assert granted_by("AsPerContract") == ("AsPerContract",)


def test_a_deal_for_one_is_for_no_one_else_and_the_owner_asks_for_anybody() -> None:
    deal = a_deal(licensee=THEM)
    assert [ask(deal, of=of).allowed for of in (US, THEM, None, NOBODY)] == [False, True, True, False]
    assert [ask(a_deal(is_unmatched=True), of=of).allowed for of in (US, THEM, None)] == [False] * 3
    # One licensee's takedown leaves the others what they have.
    down = a_deal(licensee=THEM, is_takedown=True)
    answers = [ask(deal, down, a_deal(), of=of).allowed for of in (US, THEM, None)]
    assert answers == [True, False, True]
    assert not ask(deal, down, of=None).allowed


def test_a_territory_of_several_countries_needs_all_of_them() -> None:
    gsa = tuple(sorted(countries_of("2124")))
    german, austrian = a_deal(), a_deal(territories=frozenset({"AT"}), valid_until=NOW + DAY)
    answer = ask(german, austrian, countries=gsa)
    assert (answer.allowed, set(answer.deciding), answer.until) == (True, {german, austrian}, NOW + DAY)
    whole = a_deal(territories=frozenset(WORLD))
    assert ask(german, austrian, whole, countries=gsa).deciding == (whole,)
    some = ask(german, countries=gsa)
    assert (some.allowed, some.missing, some.reasons) == (False, ("AT",), (Reason.TERRITORY,))


def test_coverage_tells_of_every_country_what_it_alone_is_told() -> None:
    deals = (a_deal(), a_deal(territories=frozenset(WORLD), valid_until=NOW + DAY), a_deal(is_takedown=True))
    case = Case("active", (A_RELEASE,), deals, US)
    groups = cover(replace(ASKED, countries=WORLD), case)
    assert sorted(c for group in groups for c in group) == list(WORLD)
    for group, answer in groups.items():
        for country in group:
            alone = decide(replace(ASKED, countries=(country,)), case)
            assert (alone.allowed, alone.until, alone.reasons) == (
                answer.allowed,
                answer.until,
                answer.reasons,
            )


def test_spans_are_cut_put_together_and_laid_over_each_other() -> None:
    one, two, three, four = (NOW + n * DAY for n in range(4))
    assert without((one, four), [(two, three)]) == [(one, two), (three, four)]
    assert without((one, two), [(one, four)]) == []
    assert united([(three, four), (one, two), (two, three)]) == [(one, four)]
    assert common([[(one, three)], [(two, four)]]) == [(two, three)]
    assert common([]) == []
