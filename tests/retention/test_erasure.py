"""A person is forgotten: planned, held off by a hold, done once, and proven by a look at every table."""

import asyncio
import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from domain.access.people import begin_attempt
from domain.access.scopes import Role, Scope
from domain.access.sessions import open_session
from domain.access.viewer import Viewer
from domain.commands import COMMANDS
from domain.dispatch import Dispatched, dispatch
from domain.erasure import erase
from domain.erasure.erase import plan
from domain.erasure.trace import Person, trace
from domain.inputs import parse
from domain.refusals import NotFound
from domain.retention.holds import HeldByLaw
from jobs.worker import run_job
from tests.jobs.yard import Yard, new_yard
from tests.retention.conftest import Attic
from tests.retention.test_holds import hold


@dataclass(frozen=True)
class Case:
    """Somebody who has left traces everywhere, and the yard where the job runs."""

    attic: Attic
    yard: Yard
    owner: uuid.UUID
    person: Person

    @property
    def them(self) -> Viewer:
        """The person at work."""
        return Viewer(self.owner, str(self.person.user_id), Role.ADMIN, frozenset(Scope))

    async def send(self, viewer: Viewer, verb: str, key: str | None = None, /, **given: Any) -> Dispatched:
        command = COMMANDS[verb]
        ask: Any = parse(command.ask, given)

        async def render(outcome: Any, _sql: Any) -> tuple[int, bytes]:
            return 200, json.dumps(given, default=str).encode()

        return await dispatch(
            command,
            ask,
            viewer=viewer,
            pool=self.attic.pool,
            door="test",
            idempotency_key=key,
            render=render,
            sealer=Open(),
        )

    async def ask(self, person: str) -> Any:
        """Ask for the erasure as the operator; gives the command's value."""
        operator = Viewer(self.yard.viewer.organization_id, "operator", Role.ADMIN, frozenset(Scope))
        outcome = (await self.send(operator, "erase_person", person=person, reason="asked by letter")).outcome
        assert outcome is not None
        for id in outcome.ids:
            await run_job(self.yard.house, str(id))
        return outcome.value

    async def row(self, erasure_id: str) -> dict[str, Any]:
        row = dict(
            await self.attic.sql.fetchrow("select * from erasure where id = $1", uuid.UUID(erasure_id))
        )
        return row | {name: json.loads(row[name]) if row[name] else None for name in ("proof", "result")}


class Open:
    """Seals nothing, so that the test can look."""

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        return plain

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        return sealed


@pytest.fixture
async def case(attic: Attic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """A person with an account, two organizations, and traces in many tables."""
    # No other process has let the person in.
    monkeypatch.setattr(erase, "QUIET_S", 0.1)
    yard = await new_yard(attic.pool, tmp_path)
    owner, other, third = [await attic.organization() for _ in range(3)]
    mark = uuid.uuid4().hex[:8]
    person = Person(uuid.uuid4(), f"Ada.L+{mark}@Example.org", f"Ada {mark}")
    sql = attic.sql
    await sql.execute(
        "insert into user_account (id, email, display_name) values ($1, $2, $3)",
        person.user_id,
        person.email,
        person.name,
    )
    for of in (owner, other):
        await sql.execute(
            "insert into member (organization_id, user_id, role) values ($1, $2, 'admin')", of, person.user_id
        )
    await open_session(sql, person.user_id, owner, address="192.0.2.1", user_agent="x")
    await begin_attempt(sql, person.email.upper())
    await sql.execute(
        "insert into outside_identity (issuer, subject, user_id, email) values ('i', $1, $2, $3)",
        mark,
        person.user_id,
        person.email,
    )
    made = Case(attic, yard, owner, person)
    invited = {"email": person.email.lower(), "role": "label_user"}
    await made.send(Viewer(third, "boss", Role.ADMIN, frozenset(Scope)), "invite_member", "k1", **invited)
    await made.send(made.them, "create_artist", "k2", name="Somebody")
    client = {"name": "script", "role": "api_user", "scopes": ["catalog:read"]}
    await made.send(made.them, "create_client", "k3", **client)
    await made.send(made.them, "export_catalog", "k4", kind="artist")
    await made.send(
        made.them, "place_legal_hold", subjectType="organization", subjectId=str(owner), reason="r"
    )
    await sql.execute("update legal_hold set released_at = now()")
    await sql.execute(
        "insert into notice (owner_id, kind, subject, text, unique_key) values ($1, 'a.b', 's', $2, $3)",
        owner,
        f"{person.name} <{person.email}> did it",
        mark,
    )
    await sql.execute(
        "insert into change (owner_id, kind, entity_id, op, diff) "
        "values ($1, 'member', $2, 'insert', $3::jsonb)",
        owner,
        person.user_id,
        json.dumps({"email": [None, person.email], "name": [None, person.name]}),
    )
    return made


async def test_nothing_names_the_person_afterwards_and_the_proof_says_so(case: Case) -> None:
    sql, person = case.attic.sql, case.person
    before = {found.table for found in await trace(sql, person)}
    expected = {"user_account", "member", "session", "outside_identity", "invitation", "change", "change_set"}
    assert before >= expected | {"job", "client", "idempotency_key", "legal_hold", "notice"}
    changes = await sql.fetchval("select count(*) from change")
    told = await case.ask(person.email)
    row = await case.row(told.erasure_id)
    assert (row["state"], row["proof"]["left"], told.known) == ("proven", {}, False)
    assert (row["user_id"], row["email"], row["name"]) == (None, None, None)
    left = {found.table for found in await trace(sql, person)}
    assert left <= {"revocation"}
    assert row["proof"]["expires"] == {"revocation": {"name": 2}}
    # Also by hand, and not only by what the product looks with:
    tables = await sql.fetch(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' "
        "and relname <> 'revocation'"
    )
    for table in tables:
        text = await sql.fetchval(f"select coalesce(string_agg(t::text, ' '), '') from {table[0]} t")
        for word in (str(person.user_id), person.email.lower(), person.name.lower()):
            assert word not in text.lower(), table[0]
    actors = await sql.fetch("select actor from change_set where owner_id = $1 and door = 'test'", case.owner)
    assert {row["actor"] for row in actors} == {str(row["pseudonym"])}
    assert await sql.fetchval("select count(*) from change") >= changes, "the trail loses no line"
    hashed = "encode(sha256(convert_to(lower($1), 'UTF8')), 'hex')"
    assert (
        await sql.fetchval(f"select count(*) from login_failure where email_hash = {hashed}", person.email)
        == 0
    )


async def test_a_second_run_does_nothing_and_says_that_it_was_done(case: Case) -> None:
    first = await case.ask(str(case.person.user_id))
    row = await case.row(first.erasure_id)
    again = await case.ask(str(case.person.user_id))
    assert (again.erasure_id, again.known) == (first.erasure_id, True)
    assert await case.row(first.erasure_id) == row
    for nobody in (case.person.email, "a\0b"):
        with pytest.raises(NotFound):
            await case.ask(nobody)


async def test_what_a_job_still_writes_in_their_name_is_awaited_and_forgotten(case: Case) -> None:
    sql, user = case.attic.sql, str(case.person.user_id)
    job = await sql.fetchval(
        "insert into job (owner_id, kind, lane, state, fence, leased_until, payload) values ($1, "
        "'receive_file', 'low', 'running', 7, clock_timestamp() + interval '1 hour', "
        "jsonb_build_object('actor', $2::text)) "
        "returning id",
        case.owner,
        user,
    )
    asking = asyncio.create_task(case.ask(case.person.email))
    renamed = "select count(*) from job where id = $1 and payload ->> 'actor' <> $2"
    while not await sql.fetchval(renamed, job, user):
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    assert not asking.done()
    await sql.execute(
        "insert into change_set (owner_id, actor, command, door, state) "
        "select owner_id, $2, 'late', door, state from change_set where owner_id = $1 limit 1",
        case.owner,
        user,
    )
    await sql.execute("update job set state = 'done', leased_until = null where id = $1", job)
    told = await asyncio.wait_for(asking, 60)
    assert (await case.row(told.erasure_id))["state"] == "proven"
    assert await sql.fetchval("select count(*) from change_set where actor = $1", user) == 0
    assert await sql.fetchval("select count(*) from change_set where command = 'late'") == 1


@pytest.mark.parametrize("kind", ["person", "organization", "organization that was left"])
async def test_a_hold_forbids_it_also_when_it_comes_between(case: Case, kind: str) -> None:
    if kind == "organization that was left":
        await case.attic.sql.execute("delete from member where user_id = $1", case.person.user_id)
    subject = case.person.user_id if kind == "person" else case.owner
    held = await hold(case.attic, case.owner, kind.partition(" ")[0], subject)
    with pytest.raises(HeldByLaw):
        await case.ask(case.person.email)
    assert (await plan(case.attic.sql, case.person.email)).holds == [str(held)]
    await case.attic.sql.execute("update legal_hold set released_at = now()")
    operator = Viewer(case.yard.viewer.organization_id, "operator", Role.ADMIN, frozenset(Scope))
    outcome = (
        await case.send(operator, "erase_person", person=case.person.email, reason="by letter")
    ).outcome
    assert outcome is not None
    await case.attic.sql.execute("update legal_hold set released_at = null where id = $1", held)
    assert await run_job(case.yard.house, str(outcome.ids[0])) == "failed"
    account = "select count(*) from user_account where id = $1"
    assert await case.attic.sql.fetchval(account, case.person.user_id) == 1
    with pytest.raises(Exception, match="the account is there still"):
        await case.attic.pool.fetch("select catalog_forget_person($1)", uuid.UUID(outcome.value.erasure_id))
    with pytest.raises(Exception, match="no erasure"):
        await case.attic.pool.fetch("select catalog_forget_person($1)", uuid.uuid4())


async def test_others_are_left_alone(case: Case, attic: Attic, tmp_path: Path) -> None:
    sql, id = attic.sql, uuid.uuid4()
    await sql.execute(
        "insert into user_account (id, email, display_name) values ($1, $2, 'Ada')",
        id,
        f"{id.hex}@example.org",
    )
    await sql.execute(
        "insert into member (organization_id, user_id, role) values ($1, $2, 'label_user')", case.owner, id
    )
    them = Viewer(case.owner, str(id), Role.ADMIN, frozenset(Scope))
    done = await case.send(them, "create_artist", name="Other")
    await case.ask(case.person.email)
    assert done.outcome is not None
    kept = await sql.fetchrow(
        "select u.display_name, m.role from user_account u join member m on m.user_id = u.id where u.id = $1",
        id,
    )
    assert tuple(kept) == ("Ada", "label_user")
    actor = "select actor from change_set where id = $1"
    assert await sql.fetchval(actor, done.outcome.change_set_id) == str(id)


async def test_what_a_catalog_says_is_named_and_not_changed(case: Case) -> None:
    artist = await case.send(case.them, "create_artist", name=case.person.name)
    assert artist.outcome is not None
    row = await case.row((await case.ask(case.person.email)).erasure_id)
    assert row["state"] == "proven"
    assert set(row["proof"]["content"]) >= {"artist", "source_record"}
    name = await case.attic.sql.fetchval("select name from artist where id = $1", artist.outcome.ids[0])
    assert name == case.person.name
