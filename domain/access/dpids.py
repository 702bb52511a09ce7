"""DPIDs: claimed by an organization, and proven when the operator has seen that the claim is true."""

from dataclasses import dataclass
from typing import Annotated

from domain.access.scopes import Scope
from domain.audit import Audit
from domain.codes import CodeInvalid, dpid
from domain.command import Outcome, command
from domain.refusals import InputInvalid, NotFound, ReferenceMissing, Refusal
from domain.types import Ref
from domain.work import Work, entity_id

DpidId = Annotated[str, Ref("organization_dpid")]
LONGEST_PROOF = 2_000
KIND = "organization_dpid"


class DpidTaken(Refusal):
    """The DPID is claimed or proven already."""

    code = "dpid_taken"
    status = 409


@dataclass(frozen=True, kw_only=True)
class ClaimDpid:
    """The DDEX party id that the own organization says is its own."""

    dpid: str


@dataclass(frozen=True, kw_only=True)
class WithdrawDpid:
    """The claim to take back, proven or not."""

    id: DpidId


@dataclass(frozen=True, kw_only=True)
class ConfirmDpid:
    """A claim of any organization. proof: what was seen that shows it to be true."""

    id: DpidId
    proof: str


@command(
    scope=Scope.MEMBERS_MANAGE,
    route="POST /dpids",
    returns="dpid",
    audit=Audit.OPERATIONS,
    refuses=(DpidTaken,),
)
async def claim_dpid(ask: ClaimDpid, work: Work) -> Outcome:
    """Claim a DPID; it counts for nothing until the operator confirms it."""
    try:
        code = dpid(ask.dpid)
    except CodeInvalid as error:
        raise InputInvalid(str(error), path=("dpid",)) from None
    id = await work.connection.fetchval(
        "insert into organization_dpid (organization_id, dpid) values ($1, $2) "
        "on conflict (organization_id, dpid) do nothing returning id",
        work.viewer.organization_id,
        code,
    )
    if id is None:
        raise DpidTaken(f"your organization has claimed {code} already", path=("dpid",))
    return Outcome(KIND, (id,))


@command(
    scope=Scope.MEMBERS_MANAGE,
    route="DELETE /dpids/{id}",
    returns="dpid",
    audit=Audit.OPERATIONS,
    refuses=(NotFound, ReferenceMissing),
)
async def withdraw_dpid(ask: WithdrawDpid, work: Work) -> Outcome:
    """Take a claim back; what was licensed to the DPID is then licensed to nobody."""
    id = await work.connection.fetchval(
        "delete from organization_dpid where id = $1 and organization_id = $2 returning id",
        entity_id(KIND, ask.id, ("id",)),
        work.viewer.organization_id,
    )
    if id is None:
        raise NotFound(f"no DPID {ask.id} in your organization", path=("id",))
    return Outcome(KIND, (id,))


@command(
    scope=Scope.SYSTEM_ADMIN,
    route="POST /dpids/{id}/confirm",
    returns="dpid",
    audit=Audit.OPERATIONS,
    refuses=(NotFound, ReferenceMissing, DpidTaken),
)
async def confirm_dpid(ask: ConfirmDpid, work: Work) -> Outcome:
    """Confirm that a DPID is its claimant's; from then on deliveries and deals that name it are theirs."""
    proof = ask.proof.strip()
    if not 1 <= len(proof) <= LONGEST_PROOF:
        raise InputInvalid(
            f"proof has {len(proof)} characters; 1 to {LONGEST_PROOF} that say what was seen will do",
            path=("proof",),
        )
    row = await work.connection.fetchrow(
        "select id, dpid, proven_at from organization_dpid where id = $1 for update",
        entity_id(KIND, ask.id, ("id",)),
    )
    if row is None:
        raise NotFound(f"no claim {ask.id} of a DPID", path=("id",))
    if row["proven_at"] is not None:
        raise DpidTaken(f"{row['dpid']} is confirmed already", path=("id",))
    # Of two claims confirmed at once, the later one waits here for the earlier.
    await work.connection.execute(
        "select pg_advisory_xact_lock(hashtextextended('dpid ' || $1, 2))", row["dpid"]
    )
    proven = await work.connection.fetchval(
        "select o.name from organization_dpid d join organization o on o.id = d.organization_id "
        "where d.dpid = $1 and d.proven_at is not null",
        row["dpid"],
    )
    if proven is not None:
        raise DpidTaken(f"{row['dpid']} is proven to be {proven}'s; it can't be another's", path=("id",))
    await work.connection.execute(
        "update organization_dpid set proven_at = clock_timestamp(), proof = $2, confirmed_by = $3 "
        "where id = $1",
        row["id"],
        proof,
        work.viewer.actor,
    )
    return Outcome(KIND, (row["id"],))
