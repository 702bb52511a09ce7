"""Partners: their secrets and how they change, tests and replays, and what strangers get to see."""

import re
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api import logs
from domain.access.scopes import Role
from domain.callbacks.tables import CallbackPartner
from domain.row import utc_now
from tests.api.conftest import THEIRS
from tests.callbacks.conftest import Partner, graph, rest

AT = "2026-11-03T12:00:00Z"
DOCS = Path(__file__).parents[2] / "docs" / "callbacks.md"


async def test_two_secrets_live_while_one_follows_the_other(partner: Partner) -> None:
    body, first = partner.event("delivered", AT), partner.secret
    turned = await rest(
        partner.house, "POST", f"/v1/callback-partners/{partner.id}/rotate-secret", {"overlapHours": 1}
    )
    second = turned.json()["secret"]
    assert second != first
    for secret in (first, second):
        assert (await partner.call(body, secret=secret)).status_code == 202
    over = utc_now() - timedelta(seconds=1)
    await partner.pool.execute("update callback_partner set previous_secret_until = $1", over)
    assert await partner.verdict(body, secret=first) == (401, "CALLBACK_UNSIGNED")
    await rest(
        partner.house, "POST", f"/v1/callback-partners/{partner.id}/rotate-secret", {"overlapHours": 0}
    )
    assert await partner.verdict(body, secret=second) == (401, "CALLBACK_UNSIGNED")


async def test_no_secret_can_be_read_again(partner: Partner, capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure_logs("debug", "json")
    await partner.call(partner.event("delivered", AT))
    await partner.verdict(partner.event("delivered", AT), secret="whsec_AAAA")
    again = await rest(partner.house, "GET", f"/v1/callback-partners/{partner.id}")
    assert again.status_code == 200
    bare = partner.secret.removeprefix("whsec_")
    stored = str(await partner.pool.fetch("select * from callback_partner")) + str(
        await partner.pool.fetch("select encode(response, 'escape') from idempotency_key")
    )
    changes = str(await partner.pool.fetch("select diff from change where kind = 'callback_partner'"))
    assert "Some distributor" in changes
    told = capfd.readouterr()
    for text in (again.text, stored, changes, told.out, told.err):
        assert bare not in text
        assert "sealed" not in again.text
    assert {"secret_sealed", "previous_secret_sealed"} <= set(CallbackPartner.model_fields)


async def test_a_test_event_takes_the_whole_way_and_moves_nothing(partner: Partner) -> None:
    sent = await rest(partner.house, "POST", f"/v1/callback-partners/{partner.id}/test", {})
    assert sent.status_code < 300, sent.text
    assert (sent.json()["isTest"], sent.json()["state"]) == (True, "received")
    assert await partner.run() == 1
    read = (await rest(partner.house, "GET", f"/v1/callback-events/{sent.json()['id']}")).json()
    assert (read["state"], read["word"], read["meaning"]) == ("tested", "delivered", "delivered")
    assert await partner.counts() == (1, 1, 0)


async def test_a_replay_reads_the_kept_body_by_the_mapping_of_today(partner: Partner) -> None:
    await partner.call(partner.event("LIVE", AT), "e-live")
    await partner.run()
    (kept,) = (await rest(partner.house, "GET", f"/v1/callback-partners/{partner.id}/events")).json()["items"]
    assert kept["state"] == "ignored"
    mapping = {"delivered": ["LIVE"], "releases": [{"path": "data.upc", "scheme": "icpn"}]}
    edited = await rest(partner.house, "PATCH", f"/v1/callback-partners/{partner.id}", {"mapping": mapping})
    assert edited.status_code == 200, edited.text
    for _ in range(2):
        again = await rest(partner.house, "POST", f"/v1/callback-events/{kept['id']}/replay")
        assert again.status_code < 300, again.text
        assert await partner.run() == 1
        assert await partner.stands() == ("delivered", ["delivered"])


async def test_strangers_neither_see_nor_replay(partner: Partner) -> None:
    await partner.call(partner.event("delivered", AT), "e-1")
    await partner.run()
    (event,) = (await rest(partner.house, "GET", f"/v1/callback-partners/{partner.id}/events")).json()[
        "items"
    ]
    everything = (
        "{ callbackPartners { nodes { id } } callbackEvents { nodes { id } } distributions { nodes { id } } }"
    )
    assert all(not found["nodes"] for found in (await graph(partner.house, everything, THEIRS)).values())
    for method, path, body in (
        ("GET", f"/v1/callback-partners/{partner.id}", None),
        ("GET", f"/v1/callback-events/{event['id']}", None),
        ("POST", f"/v1/callback-events/{event['id']}/replay", None),
        ("POST", f"/v1/callback-partners/{partner.id}/test", {}),
        ("POST", f"/v1/callback-partners/{partner.id}/rotate-secret", {}),
        ("DELETE", f"/v1/callback-partners/{partner.id}", None),
    ):
        answer = await rest(partner.house, method, path, body, THEIRS)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND"), path
    assert await partner.run() == 0


async def test_a_deleted_partner_takes_its_events_along(partner: Partner) -> None:
    await partner.call(partner.event("delivered", AT), "e-1")
    (event,) = (await rest(partner.house, "GET", f"/v1/callback-partners/{partner.id}/events")).json()[
        "items"
    ]
    said = {"subjectType": "file", "subjectId": event["id"], "reason": "a case"}
    hold = (await rest(partner.house, "POST", "/v1/legal-holds", said, role=Role.ADMIN)).json()["id"]
    held = await rest(partner.house, "DELETE", f"/v1/callback-partners/{partner.id}")
    assert (held.status_code, held.json()["code"]) == (409, "LEGAL_HOLD")
    told = {"reason": "settled"}
    await rest(partner.house, "POST", f"/v1/legal-holds/{hold}/release", told, role=Role.ADMIN)
    gone = await rest(partner.house, "DELETE", f"/v1/callback-partners/{partner.id}")
    assert gone.status_code < 300, gone.text
    assert await partner.run() == 1  # the job that waited finds nothing to do
    assert await partner.verdict(partner.event("delivered", AT)) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "mapping",
    [
        {"wordPath": ""},
        {"wordPath": "a..b"},
        {"wordPath": "data", "releases": [{"path": "data.upc", "scheme": "icpn"}]},
        {"releases": [{"path": "upc", "scheme": "isrc"}]},
        {"delivered": ["live"], "failed": ["live"]},
        {"delivered": [""]},
    ],
)
async def test_a_mapping_that_cannot_be_is_refused(partner: Partner, mapping: dict[str, Any]) -> None:
    answer = await rest(partner.house, "POST", "/v1/callback-partners", {"name": "x", "mapping": mapping})
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")


async def test_the_example_of_the_page_signs(partner: Partner) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.S)
    spoken: dict[str, Any] = {}
    exec(compile(example, str(DOCS), "exec"), spoken)
    body = partner.event("delivered", AT)
    headers = spoken["signed"](partner.secret, uuid.uuid4().hex, body)
    assert (await partner.call(body, headers=headers)).status_code == 202
