"""`alerts` and `notices` on the command line: what is out of bounds, what was told, and what became of it."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from api.cli.frame import run
from api.keys import ensure_keys, mint_token
from domain.access.scopes import Role
from domain.adapters.postgres import open_pool
from domain.alerts.rules import RULES
from domain.ports import Sql
from tests.api.conftest import serving, settings_for
from tests.notices.conftest import Told, house_of, told

__all__ = ["told"]
Call = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
async def call(
    told: Told,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> AsyncIterator[Call]:
    """The command line of an administrator of the organization that is told things, the operator's."""
    token = mint_token(
        ensure_keys(tmp_path / "keys")[0],
        organization_id=told.viewer.organization_id,
        role=Role.ADMIN,
        operator=True,
        subject="cli@test",
    )
    with serving(settings_for(database_url, redis_url, tmp_path)) as address:
        monkeypatch.setenv("CATALOGRAPH_URL", address)
        monkeypatch.setenv("CATALOGRAPH_TOKEN", token)
        monkeypatch.setenv("CATALOGRAPH_STATE_FOLDER", str(tmp_path))

        async def made(*words: str) -> tuple[int, str, str]:
            capsys.readouterr()
            status = await asyncio.to_thread(run, list(words))
            out, error = capsys.readouterr()
            return status, out, error

        yield made


async def alert(sql: Sql, owner: uuid.UUID, rule: str, state: str, minutes: int) -> None:
    """An alert that began so many minutes ago."""
    await sql.execute(
        "insert into alert (owner_id, rule, state, value, threshold, since, fired_at, cleared_at) "
        "select $1, $2, $3::text, 612, 500, at, case when $3::text <> 'pending' then at end, "
        "case when $3::text = 'cleared' then at end "
        "from (select clock_timestamp() - make_interval(mins => $4) as at) x",
        owner,
        rule,
        state,
        minutes,
    )


async def test_alerts_are_listed_newest_first_and_what_is_over_when_asked_for(
    told: Told, call: Call, database_url: str
) -> None:
    owner = told.viewer.organization_id
    other = await told.pool.fetchval(
        "insert into organization (name, slug) values ('o', $1) returning id", uuid.uuid4().hex
    )
    async with await open_pool(database_url, max_size=1, role=None) as pool, pool.acquire() as sql:
        for rule, state, minutes in (
            ("jobs_pending", "firing", 9),
            ("errors", "pending", 3),
            ("dead_letters", "cleared", 1),
        ):
            await alert(sql, owner, rule, state, minutes)
        await alert(sql, other, "lane_slow", "firing", 1)
    status, out, error = await call("alerts", "--json")
    assert status == 0, error
    assert [(one["rule"], one["state"]) for one in json.loads(out)] == [
        ("errors", "pending"),
        ("jobs_pending", "firing"),
    ]
    assert json.loads(out)[1]["value"] == 612
    (newest,) = json.loads((await call("alerts", "--all", "--limit", "1", "--json"))[1])
    assert (newest["rule"], newest["clearedAt"] is None) == ("dead_letters", False)
    shown = (await call("alerts"))[1]
    assert "jobs_pending" in shown
    assert "lane_slow" not in shown
    rules = json.loads((await call("alerts", "--rules", "--json"))[1])
    assert {rule["name"]: rule["threshold"] for rule in rules} == {
        name: rule.threshold for name, rule in RULES.items()
    }
    assert (await call("alerts", "--limit", "0"))[0] == 2
    assert (await call("alerts", "--limit", "x"))[0] == 2


async def test_notices_are_listed_with_what_became_of_them(
    told: Told, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told.tell(subject="Before there was a channel")
    assert "nowhere: no channel is set up" in " ".join((await call("notices"))[1].split())
    await told.channel("webhook", told.web.url)
    await told.channel("email", "ops@label.example")
    told.web.faults.append("410")
    told.house = house_of(told.pool, tmp_path, replace(told.house.outlets, mailer=None))
    await told.tell(subject="Something went out")
    assert sorted(await told.run()) == ["done", "failed"]
    status, out, error = await call("notices", "--limit", "1", "--json")
    assert status == 0, error
    (newest,) = json.loads(out)
    assert (newest["subject"], newest["channels"]) == ("Something went out", 2)
    outcomes = {one["kind"]: one for one in newest["outcomes"]["nodes"]}
    assert (outcomes["webhook"]["state"], outcomes["email"]["state"]) == ("refused", "unset")
    shown = " ".join((await call("notices"))[1].split())
    for words in ("Before there was a channel", "webhook refused", "answered 410", "email unset"):
        assert words in shown
    monkeypatch.setenv("CATALOGRAPH_TOKEN", "cg_nobody")
    status, _, error = await call("notices")
    assert (status != 0, "401" in error) == (True, True), error
