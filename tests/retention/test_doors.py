"""Retention as people meet it: on the command line, through REST and GraphQL, by what they may."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.cli.frame import run
from api.keys import ensure_keys, mint_token
from domain.access.scopes import Role, Scope
from domain.access.viewer import Viewer
from domain.commands import COMMANDS
from domain.dispatch import Dispatched, dispatch
from domain.inputs import parse
from domain.refusals import InputInvalid, NotFound, Refusal
from domain.retention.commands import RetentionFixed
from domain.row import utc_now
from jobs.worker import run_job
from tests.api.conftest import serving, settings_for
from tests.jobs.yard import new_yard
from tests.retention.conftest import WEEK, Attic

Call = Callable[..., Awaitable[tuple[int, str, str]]]


def admin_of(owner: uuid.UUID) -> Viewer:
    return Viewer(owner, "user:admin", Role.ADMIN, frozenset(Scope))


async def send(attic: Attic, owner: uuid.UUID, name: str, **given: Any) -> Dispatched:
    command = COMMANDS[name]
    ask: Any = parse(command.ask, given)
    return await dispatch(command, ask, viewer=admin_of(owner), pool=attic.pool, door="test")


async def test_holds_are_placed_on_what_is_ones_own_and_released_with_a_reason(attic: Attic) -> None:
    owner, other = await attic.organization(), await attic.organization()
    id = await attic.export(owner, utc_now() - timedelta(days=60))
    await attic.run(utc_now() - 2 * WEEK)
    for kind, subject in (("file", id), ("organization", owner), ("entity", id), ("person", id)):
        with pytest.raises(NotFound):
            await send(attic, other, "place_legal_hold", subjectType=kind, subjectId=str(subject), reason="x")
    wrong: dict[str, Any]
    for wrong in ({"subjectType": "thing"}, {"reason": "  "}, {"reason": "x" * 2001}):
        said = {"subjectType": "file", "subjectId": str(id), "reason": "x", **wrong}
        with pytest.raises(InputInvalid):
            await send(attic, owner, "place_legal_hold", **said)
    good = {"subjectType": "file", "subjectId": str(id), "reason": "suit"}
    placed = await send(attic, owner, "place_legal_hold", **good)
    assert placed.outcome is not None
    assert (await attic.run(utc_now())).gone["exports"] == 0
    hold = str(placed.outcome.ids[0])
    with pytest.raises(NotFound):
        await send(attic, other, "release_legal_hold", id=hold, reason="x")
    for _ in range(2):
        await send(attic, owner, "release_legal_hold", id=hold, reason="settled")
    trail = await attic.sql.fetch(
        "select op, diff from change where kind = 'legal_hold' and owner_id = $1 order by seq", owner
    )
    assert [row["op"] for row in trail] == ["insert", "update"]
    assert json.loads(trail[1]["diff"])["release_reason"] == [None, "settled"]
    assert (await attic.run(utc_now())).gone["exports"] == 1


async def test_an_enterprise_says_how_long_and_what_longer_within_limits(attic: Attic) -> None:
    owner = await attic.organization("enterprise")
    id = await attic.export(owner, utc_now() - timedelta(days=60))
    await send(attic, owner, "set_retention_policy", rule="exports", days=30)
    await attic.run(utc_now() - 2 * WEEK)
    assert (await attic.states(utc_now()))["exports"] == ("due", 1)
    outcome = (
        await send(attic, owner, "extend_retention", rule="exports", days=10, reason="x", subjectId=str(id))
    ).outcome
    assert outcome is not None
    assert abs(outcome.value.until - utc_now() - timedelta(days=10)) < timedelta(minutes=5)
    assert "exports" not in await attic.states(utc_now())
    assert (await attic.run(utc_now())).gone["exports"] == 0
    await send(attic, owner, "set_retention_policy", rule="exports")
    assert await attic.plan(utc_now(), days=3000, owner_id=owner) == []
    for name, wrong in (
        ("extend_retention", {"days": 0}),
        ("extend_retention", {"days": 1099}),
        ("extend_retention", {"rule": "ended_jobs"}),
        ("extend_retention", {"subjectId": str(uuid.uuid4())}),
        ("set_retention_policy", {"rule": "dead_jobs"}),
        ("set_retention_policy", {"days": -1}),
        ("set_retention_policy", {"months": 1201}),
    ):
        said: dict[str, Any] = {"rule": "exports", "days": 1, **wrong}
        with pytest.raises((InputInvalid, NotFound)):
            await send(attic, owner, name, **said, **({"reason": "x"} if name.startswith("ext") else {}))


@pytest.mark.parametrize("tier", ["free", "pro"])
async def test_the_times_of_other_tiers_are_fixed(attic: Attic, tier: str) -> None:
    owner = await attic.organization(tier)
    said: dict[str, Any]
    for name, said in (("extend_retention", {"reason": "x"}), ("set_retention_policy", {})):
        with pytest.raises(RetentionFixed):
            await send(attic, owner, name, rule="exports", days=5, **said)


async def test_a_run_that_waits_is_the_run_that_is_asked_for(attic: Attic) -> None:
    owner = await attic.organization()
    ids = {(await send(attic, owner, "run_retention", reason="now")).outcome.ids for _ in range(3)}  # type: ignore[union-attr]
    assert len(ids) == 1
    assert issubclass(RetentionFixed, Refusal)


@pytest.fixture
async def call(
    attic: Attic,
    attic_database: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> AsyncIterator[tuple[uuid.UUID, Call]]:
    """An organization, and its administrator's command line against a server."""
    owner = await attic.organization()
    token = mint_token(
        ensure_keys(tmp_path / "keys")[0],
        organization_id=owner,
        role=Role.ADMIN,
        subject="cli@test",
        lifetime=timedelta(hours=1),
    )
    with serving(settings_for(attic_database, redis_url, tmp_path)) as address:
        monkeypatch.setenv("CATALOGRAPH_URL", address)
        monkeypatch.setenv("CATALOGRAPH_TOKEN", token)
        monkeypatch.setenv("CATALOGRAPH_STATE_FOLDER", str(tmp_path))

        async def made(*words: str) -> tuple[int, str, str]:
            capsys.readouterr()
            status = await asyncio.to_thread(run, list(words))
            out, error = capsys.readouterr()
            return status, out, error

        yield owner, made


async def test_the_command_line_plans_holds_and_says_why_not(
    attic: Attic, call: tuple[uuid.UUID, Call]
) -> None:
    owner, ask = call
    other = await attic.organization()
    for of in (owner, other):
        await attic.export(of, utc_now() - timedelta(days=60))
    status, out, error = await ask("retention", "plan", "--json")
    assert status == 0, error
    (line,) = json.loads(out)
    assert (line["rule"], line["state"], line["count"], line["sizeBytes"]) == ("exports", "to_tell", 1, "7")
    status, out, error = await ask("retention", "hold", "organization", str(owner), "--reason", "a", "--json")
    assert status == 0, error
    hold = json.loads(out)["id"]
    assert "a legal hold keeps them" in " ".join((await ask("retention", "plan"))[1].split())
    assert (await ask("retention", "release", hold, "--reason", "over"))[0] == 0
    status, _, error = await ask("retention", "extend", "exports", "--days", "9", "--reason", "x")
    assert (status, "RETENTION_FIXED" in error) == (1, True), error
    for words in (("retention", "run"), ("retention", "plan", "--everybody")):
        status, _, error = await ask(*words)
        assert status != 0
        assert "system:admin" in error


@pytest.mark.parametrize("ends", ["done", "cancelled"])
async def test_a_run_is_waited_for_to_its_end(
    attic: Attic,
    call: tuple[uuid.UUID, Call],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ends: str,
) -> None:
    owner, ask = call
    await attic.export(owner, utc_now() - timedelta(days=60))
    monkeypatch.setenv("CATALOGRAPH_TOKEN", operator_of(owner, tmp_path))
    house = (await new_yard(attic.pool, tmp_path / "yard")).house

    async def works() -> None:
        while not (id := await attic.sql.fetchval("select id from job where kind = 'retain'")):
            await asyncio.sleep(0.05)
        if ends == "cancelled":
            await send(attic, owner, "cancel_job", jobId=str(id))
        else:
            assert await run_job(house, str(id)) == "done"

    (status, out, error), _ = await asyncio.gather(
        ask("retention", "run", "--wait", "--json"), asyncio.wait_for(works(), 30)
    )
    told = json.loads(out)
    assert (status, told["state"]) == (int(ends != "done"), ends), error
    assert told["result"].get("told", {}).get("exports", 0) == (ends == "done")


def operator_of(owner: uuid.UUID, folder: Path) -> str:
    """A token of an operator's."""
    return mint_token(
        ensure_keys(folder / "keys")[0],
        organization_id=owner,
        role=Role.ADMIN,
        subject="cli@test",
        operator=True,
        lifetime=timedelta(hours=1),
    )


async def test_an_erasure_is_planned_asked_for_and_listed_on_the_command_line(
    attic: Attic, call: tuple[uuid.UUID, Call], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, ask = call
    mark = uuid.uuid4().hex
    person = await attic.sql.fetchval(
        "insert into user_account (email, display_name) values ($1, 'Ada') returning id",
        f"{mark}@example.org",
    )
    assert (await ask("erasure", "plan", f"{mark}@example.org"))[0] != 0  # no operator
    monkeypatch.setenv("CATALOGRAPH_TOKEN", operator_of(owner, tmp_path))
    status, out, error = await ask("erasure", "plan", f"{mark}@example.org", "--json")
    assert status == 0, error
    plan = json.loads(out)
    assert (plan["userId"], [trace["table"] for trace in plan["traces"]]) == (str(person), ["user_account"])
    status, out, error = await ask("erasure", "run", str(person), "--reason", "by letter", "--json")
    assert status == 0, error
    asked = json.loads(out)
    status, out, _ = await ask("erasure", "list", "--json")
    assert [(one["state"], one["reason"]) for one in json.loads(out) if one["id"] == asked["erasureId"]] == [
        ("running", "by letter")
    ]
    status, _, error = await ask("erasure", "run", "nobody@example.org", "--reason", "x")
    assert (status, "NOT_FOUND" in error) == (1, True)
