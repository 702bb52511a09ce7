"""Every kind of call over HTTP: what is answered, what is noted, and what it leaves."""

import asyncio
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from domain.callbacks.receive import LARGEST, Call, CallbackOutOfTime, Caller, judge
from domain.callbacks.signature import new_signing_secret
from tests.callbacks.conftest import Partner, graph, rest, signature

DAY = "2026-11-{:02}T12:00:00Z"


async def test_a_good_call_is_kept_and_moves_its_release(partner: Partner) -> None:
    made = await rest(partner.house, "POST", "/v1/releases", {"title": "Home", "upc": partner.upc})
    assert made.status_code < 300, made.text
    body = partner.event("delivered", DAY.format(3))
    answer = await partner.call(body, "e-1")
    assert (answer.status_code, answer.json()) == (202, {"eventId": "e-1", "known": False})
    assert await partner.counts() == (1, 1, 0)
    kept = await partner.pool.fetchval("select body from callback_event where body = $1", body)
    assert kept == body
    assert await partner.run() == 1
    asked = (
        "query($r: [String!]) { distributions(filter: {reference: $r}) { nodes { state stateAt "
        "releaseId partner { name } history(first: 5) { nodes { eventId state body } } } } }"
    )
    (node,) = (await graph(partner.house, asked, r=[partner.upc]))["distributions"]["nodes"]
    assert (node["state"], node["releaseId"]) == ("delivered", made.json()["id"])
    assert datetime.fromisoformat(node["stateAt"]) == datetime(2026, 11, 3, 12, tzinfo=UTC)
    assert node["partner"] == {"name": "Some distributor"}
    assert node["history"]["nodes"] == [{"eventId": "e-1", "state": "applied", "body": body.decode()}]


async def test_the_same_event_again_has_no_second_effect(partner: Partner) -> None:
    body = partner.event("delivered", DAY.format(3))
    assert (await partner.call(body, "e-1")).json()["known"] is False
    await partner.run()
    for at in (None, int(time.time()) - 60):
        again = await partner.call(body, "e-1", at=at)
        assert (again.status_code, again.json()["known"]) == (202, True)
    assert await partner.run() == 0
    assert await partner.counts() == (1, 1, 1)
    assert await partner.stands() == ("delivered", ["delivered"])


async def test_another_body_under_the_same_id_is_refused(partner: Partner) -> None:
    await partner.call(partner.event("delivered", DAY.format(3)), "e-1")
    other = partner.event("failed", DAY.format(4))
    assert await partner.verdict(other, id="e-1") == (409, "CALLBACK_CONFLICT")
    await partner.run()
    assert await partner.stands() == ("delivered", ["delivered"])
    assert await partner.refused() == (1, "callback_conflict")


@pytest.mark.parametrize("minutes", [-6, 6], ids=["late", "early"])
async def test_a_call_outside_of_five_minutes_is_refused(partner: Partner, minutes: int) -> None:
    at = int(time.time()) + minutes * 60
    body = partner.event("delivered", DAY.format(3))
    assert await partner.verdict(body, at=at) == (400, "CALLBACK_OUT_OF_TIME")
    assert await partner.refused() == (1, "callback_out_of_time")
    assert await partner.counts() == (0, 0, 0)


async def test_what_is_not_signed_by_the_partner_is_refused(partner: Partner) -> None:
    body = partner.event("delivered", DAY.format(3))
    good = partner.headers(body, "e-1")
    other = await rest(partner.house, "POST", "/v1/callback-partners", {"name": "Another"})
    foreign = other.json()["secret"]
    for sent, headers in (
        (body.replace(b"delivered", b"failed   "), good),
        (body + b" ", good),
        (body, good | {"webhook-id": "e-2"}),
        (body, good | {"webhook-timestamp": str(int(good["webhook-timestamp"]) + 1)}),
        (body, good | {"webhook-signature": "v1," + "A" * 43 + "="}),
        (body, good | {"webhook-signature": good["webhook-signature"].replace("v1,", "v2,")}),
        (body, good | {"webhook-signature": "v1,"}),
        (body, {**good, "webhook-signature": "v1,\u00e9".encode("latin-1")}),
        (body, partner.headers(body, "e-1", secret=foreign)),
    ):
        assert await partner.verdict(sent, headers=headers) == (401, "CALLBACK_UNSIGNED"), headers
    assert await partner.refused() == (9, "callback_unsigned")
    assert await partner.counts() == (0, 0, 0)
    assert (await partner.call(body, headers=good)).status_code == 202
    both = f"v1a,AAAA {signature(foreign, 'e-1', '1', b'')} {good['webhook-signature']}"
    several = good | {"webhook-signature": both}
    assert (await partner.call(body, headers=several)).json()["known"] is True


async def test_a_call_without_a_good_form_is_refused(partner: Partner) -> None:
    body = partner.event("delivered", DAY.format(3))
    good = partner.headers(body, "e-1")
    for name in good:
        without = {key: value for key, value in good.items() if key != name}
        assert await partner.verdict(body, headers=without) == (400, "CALLBACK_MALFORMED")
    for at in ("soon", "-5", "1.5", "9" * 30):
        assert await partner.verdict(body, at=at) == (400, "CALLBACK_MALFORMED"), at
    assert await partner.verdict(body, id="x" * 256) == (400, "CALLBACK_MALFORMED")
    for other in (b"", b"{", b"[]", b'"text"', b"\xff\xfe{}", b"[" * 100_000, b"type=delivered"):
        assert await partner.verdict(other) == (400, "CALLBACK_MALFORMED"), other[:20]
    assert await partner.refused() == (15, "callback_malformed")
    assert await partner.counts() == (0, 0, 0)


async def test_a_body_beyond_the_cap_is_refused(partner: Partner) -> None:
    frame = len(partner.event("delivered", DAY.format(3), more=""))
    fits = partner.event("delivered", DAY.format(3), more="x" * (LARGEST - frame))
    assert len(fits) == LARGEST
    assert await partner.verdict(fits + b" ") == (413, "CALLBACK_TOO_LARGE")
    assert await partner.counts() == (0, 0, 0)
    assert (await partner.call(fits)).status_code == 202
    assert await partner.refused() == (1, "callback_too_large")


async def test_a_path_of_nobody_and_of_a_partner_that_is_off(partner: Partner) -> None:
    body = partner.event("delivered", DAY.format(3))
    off = await rest(partner.house, "PATCH", f"/v1/callback-partners/{partner.id}", {"disabled": True})
    assert off.status_code == 200, off.text
    assert await partner.verdict(body) == (404, "NOT_FOUND")
    on = await rest(partner.house, "PATCH", f"/v1/callback-partners/{partner.id}", {"disabled": False})
    assert on.json()["disabledAt"] is None
    assert (await partner.call(body)).status_code == 202
    partner.path = "/v1/callbacks/nobody"
    assert await partner.verdict(body) == (404, "NOT_FOUND")


async def test_events_in_any_order_end_the_same(partner: Partner) -> None:
    words = ("reviewed", "delivered", "taken_down")
    for place in (2, 0, 1):
        await partner.call(partner.event(words[place], DAY.format(place + 1)), f"e-{place}")
        await partner.run()
    assert await partner.stands() == ("taken_down", list(words))
    late = await partner.call(partner.event("failed", "2026-10-31T00:00:00+02:00"), "e-late")
    assert late.status_code == 202
    await partner.run()
    assert await partner.stands() == ("taken_down", ["failed", *words])


async def test_a_storm_of_copies_is_one_event(partner: Partner) -> None:
    body = partner.event("delivered", DAY.format(3))
    answers = await asyncio.gather(*(partner.call(body, "e-1") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert sorted(answer.json()["known"] for answer in answers) == [False] + [True] * 49
    assert await partner.counts() == (1, 1, 0)
    await partner.run()
    assert await partner.stands() == ("delivered", ["delivered"])


async def test_what_cannot_be_read_is_kept_and_says_why(partner: Partner) -> None:
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for id, body, state in (
        ("word", partner.event("unheard of", DAY.format(3)), "ignored"),
        ("zone", partner.event("delivered", "2026-11-03T12:00:00"), "unreadable"),
        ("ahead", partner.event("delivered", ahead), "unreadable"),
        ("upc", partner.event("delivered", DAY.format(3), data={"upc": "abc"}), "unreadable"),
        ("none", partner.event("delivered", DAY.format(3), data={}), "unreadable"),
        ("nul", partner.event("delivered\0", DAY.format(3)), "unreadable"),
        ("half", b'{"type": "\\ud800", "data": {"upc": "1"}}', "unreadable"),
    ):
        event = f"{id}-{uuid.uuid4().hex}"
        assert (await partner.call(body, event)).status_code == 202
        await partner.run()
        (row,) = await partner.pool.fetch(
            "select state, error is null as fine from callback_event where event_id = $1", event
        )
        assert (row["state"], row["fine"]) == (state, state == "ignored"), id
    assert (await partner.counts())[2] == 0


SECRET = new_signing_secret()


class Open:
    """A seal for a test that has nothing to hide."""

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        """As it is."""
        return plain

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        """As it was."""
        return sealed


@pytest.mark.parametrize("seconds", [-301, -300, 0, 300, 301])
def test_the_window_is_five_minutes_to_the_second(seconds: int) -> None:
    now = datetime(2026, 11, 3, 12, tzinfo=UTC)
    at, body = str(int(now.timestamp()) + seconds), b"{}"
    call = Call("e-1", at, signature(SECRET, "e-1", at, body), body)
    caller = Caller(uuid.uuid4(), uuid.uuid4(), "free", (SECRET.encode(),))
    if abs(seconds) <= 300:
        assert judge(call, caller, Open(), now) == now + timedelta(seconds=seconds)
    else:
        with pytest.raises(CallbackOutOfTime):
            judge(call, caller, Open(), now)
