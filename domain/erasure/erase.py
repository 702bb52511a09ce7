"""Forgetting a person on request: what is theirs is deleted, their name in the trail becomes a pseudonym.

The trail says on what somebody did; who it was, it no longer tells. What organizations wrote into their
catalogs is theirs and is named in the proof, not changed.
"""

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import Any

from domain.access.grants import end_grants
from domain.access.revocation import LONGEST_CREDENTIAL, Revocable, revoke
from domain.access.scopes import Scope
from domain.access.sessions import end_all
from domain.audit import Audit
from domain.command import Outcome, Repeat, command
from domain.erasure.trace import Person, Trace, left_of, trace
from domain.job_kinds import reserved
from domain.ports import Sql, text_of
from domain.refusals import InputInvalid, NotFound
from domain.retention import due
from domain.retention.holds import HeldByLaw, no_new_holds
from domain.work import Work

JOB = reserved("erase_person", Scope.SYSTEM_ADMIN)
LONGEST_REASON = 2_000
# Longer than any process takes to hear that a credential is over, and to answer whom it let in before.
QUIET_S = 5.0


@dataclass(frozen=True, kw_only=True)
class ErasePerson:
    """Who asked to be forgotten: the user id or the e-mail address of an account; and on what ground."""

    person: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ErasureAsked:
    """The erasure. known: it was asked for before, and nothing is done twice."""

    erasure_id: str
    known: bool


@dataclass(frozen=True)
class ErasurePlan:
    """What an erasure would do. holds: what forbids it, by the ids of the holds."""

    person: Person
    traces: list[Trace]
    holds: list[str]


@command(
    scope=Scope.SYSTEM_ADMIN,
    route="POST /erasures",
    returns="job",
    cost=100,
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=(NotFound, HeldByLaw),
    value=ErasureAsked,
)
async def erase_person(ask: ErasePerson, work: Work) -> Outcome:
    """Forget a person: account, sessions, credentials, and the name in the trail; proven table by table."""
    reason = ask.reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise InputInvalid(
            f"the reason has {len(reason)} characters; 1 to {LONGEST_REASON} will do", path=("reason",)
        )
    sql = work.connection
    person = await person_of(sql, ask.person)
    digest = _digest(ask.person if person is None else str(person.user_id))
    row = await sql.fetchrow("select id from erasure where person_hash = $1", digest)
    if row is not None and person is None:
        told = ErasureAsked(erasure_id=str(row["id"]), known=True)
        return Outcome("job", (), value=told)
    if person is None:
        raise _nobody()
    await sql.execute(f"select pg_advisory_xact_lock({due.LOCK})")
    if await holds(sql, person.user_id):
        raise HeldByLaw("a legal hold keeps what is of this person; it has to be released first")
    known = row is not None
    id = row["id"] if row else None
    if id is None:
        id = await sql.fetchval(
            "insert into erasure (person_hash, user_id, email, name, reason, requested_by) "
            "values ($1, $2, $3, $4, $5, $6) returning id",
            digest,
            person.user_id,
            person.email,
            person.name,
            reason,
            work.viewer.actor,
        )
    job_id = await work.enqueue(JOB, {"erasure_id": str(id)}, subject_id=id, unique_key=str(id))
    return Outcome("job", (job_id,), value=ErasureAsked(erasure_id=str(id), known=known))


async def person_of(sql: Sql, given: str) -> Person | None:
    """The person with a user id or an e-mail address."""
    if "\0" in given:  # no text of the database holds one
        return None
    row = await sql.fetchrow(
        "select id, email, display_name from user_account where id::text = $1 or lower(email) = lower($1)",
        given.strip(),
    )
    if row is None:
        return None
    return Person(row["id"], text_of(row["email"]), text_of(row["display_name"]))


async def holds(sql: Sql, user_id: uuid.UUID) -> list[str]:
    """The legal holds that keep a person's data: on the person, or on an organization of theirs.

    Whoever left an organization is still named in what was done there.
    """
    rows = await sql.fetch(
        "select h.id from legal_hold h where h.released_at is null and ("
        "h.subject_type = 'person' and h.subject_id = $1 or h.subject_type = 'organization' "
        "and (h.owner_id in (select organization_id from member where user_id = $1) or exists ("
        "select from change_set c where c.owner_id = h.owner_id and c.actor = $1::uuid::text))) order by 1",
        user_id,
    )
    return [str(row["id"]) for row in rows]


async def plan(sql: Sql, given: str) -> ErasurePlan:
    """What an erasure would find and change, nothing done. Raises NotFound."""
    person = await person_of(sql, given)
    if person is None:
        raise _nobody()
    return ErasurePlan(person, await trace(sql, person), await holds(sql, person.user_id))


async def erase(work: Work, erasure_id: uuid.UUID) -> bool:
    """Delete what is the person's and put the pseudonym everywhere else; False when it was done before.

    Raises HeldByLaw where a hold was placed since it was asked for.
    """
    sql = work.connection
    await no_new_holds(sql)
    row = await sql.fetchrow(
        "select * from erasure where id = $1 and state = 'running' for update", erasure_id
    )
    if row is None:
        return False
    user_id, email = row["user_id"], row["email"]
    if await holds(sql, user_id):
        raise HeldByLaw("a legal hold was placed meanwhile; it has to be released first")
    organizations = await sql.fetch("select organization_id from member where user_id = $1", user_id)
    await end_all(sql, user_id)
    await end_grants(sql, user_id, work.now)
    for member in organizations:
        # Tokens that are out in the world name the membership, so this name has to outlive them.
        name = Revocable.MEMBER.of(member["organization_id"], user_id)
        await revoke(sql, name, work.now + LONGEST_CREDENTIAL)
    awaited = await sql.fetchval(_IN_THEIR_NAME, user_id)
    result = await _forget(sql, erasure_id, user_id, email)
    await sql.execute(
        "update erasure set result = $2::jsonb || jsonb_build_object('at', clock_timestamp(), "
        "'awaited', coalesce(result -> 'awaited', '[]') || $3::jsonb) where id = $1",
        erasure_id,
        json.dumps(result),
        awaited,
    )
    return True


async def quiet(sql: Sql, erasure_id: uuid.UUID) -> bool:
    """Whether nothing acts in the person's name any more, no request and no job that was begun before."""
    return await sql.fetchval(_QUIET, erasure_id, QUIET_S) is not False


async def prove(sql: Sql, erasure_id: uuid.UUID) -> dict[str, Any]:
    """Look for the person in every table and keep what was found; then forget whom it was about.

    What was written in their name since `erase` is forgotten first, in the same transaction.
    """
    row = await sql.fetchrow("select * from erasure where id = $1 for update", erasure_id)
    if row["state"] != "running":
        kept: dict[str, Any] = json.loads(row["proof"])
        return kept
    await _forget(sql, erasure_id, row["user_id"], row["email"])
    proof = left_of(await trace(sql, Person(row["user_id"], row["email"], row["name"])))
    await sql.execute(
        "update erasure set proof = $2::jsonb, state = $3, user_id = null, email = null, name = null, "
        "finished_at = clock_timestamp() where id = $1",
        erasure_id,
        json.dumps(proof),
        "left" if proof["left"] else "proven",
    )
    return proof


async def _forget(sql: Sql, erasure_id: uuid.UUID, user_id: uuid.UUID, email: str) -> dict[str, Any]:
    """Delete what is theirs and rename the rest; gives the rows by table, and by table and column."""
    counts = {}
    for table, statement in _THEIRS:
        done = await sql.execute(statement, *((user_id, email) if "$2" in statement else (user_id,)))
        counts[table] = int(done.rsplit(" ", 1)[1])
    renamed = json.loads(await sql.fetchval("select catalog_forget_person($1)::text", erasure_id))
    return {"deleted": counts, "renamed": renamed}


def _nobody() -> NotFound:
    return NotFound(
        "nobody has an account of that id or address; whoever was erased is known by the user id alone, "
        "and by no address any more",
        path=("person",),
    )


def _digest(text: str) -> str:
    return hashlib.sha256(f"person|{text.strip().lower()}".encode()).hexdigest()


# Jobs that run remember whose they are, whatever their rows say from now on.
_IN_THEIR_NAME = f"""
select coalesce(jsonb_agg(jsonb_build_object('id', id, 'fence', fence)), '[]')::text from job
 where state = 'running' and kind <> '{JOB}' and payload ->> 'actor' = $1::uuid::text
"""
_QUIET = """
select coalesce((result ->> 'at')::timestamptz, started_at) < clock_timestamp() - make_interval(secs => $2)
   and not exists (
         select from jsonb_to_recordset(result -> 'awaited') as awaited(id uuid, fence bigint)
           join job on job.id = awaited.id and job.fence = awaited.fence and job.state = 'running')
  from erasure where id = $1 and state = 'running'
"""
# What is the person's own. $1: the user id; $2: the e-mail address. In this order, for what refers to what.
_THEIRS = (
    (
        "idempotency_key",
        # Sealed answers can't be read, so those of whatever touched the person's invitations go unread.
        "delete from idempotency_key k where k.actor = $1::uuid::text "
        "or position(convert_to($1::uuid::text, 'UTF8') in k.response) > 0 "
        "or position(lower($2::text) in lower(encode(k.response, 'escape'))) > 0 "
        "or k.change_set_id in (select c.change_set_id from change c "
        "join invitation i on i.id = c.entity_id where lower(i.email) = lower($2::text))",
    ),
    (
        "login_failure",
        "delete from login_failure where $1::uuid is not null and email_hash in ("
        "encode(sha256(convert_to(lower($2), 'UTF8')), 'hex'))",
    ),
    ("invitation", "delete from invitation where $1::uuid is not null and lower(email) = lower($2)"),
    (
        "notice_channel",
        "delete from notice_channel where $1::uuid is not null and lower(address) = lower($2)",
    ),
    ("outside_identity", "delete from outside_identity where user_id = $1"),
    ("grant_family", "delete from grant_family where user_id = $1"),
    ("session", "delete from session where user_id = $1"),
    ("member", "delete from member where user_id = $1"),
    ("user_account", "delete from user_account where id = $1"),
)
