"""Which rows a viewer may see: one predicate a table, written into every statement that reads it.

Predicates are SQL over {t}, the table's alias, {viewer}, a parameter that holds the viewer's organization,
and {territories}, one that holds the territories a viewer is bound to; {user} is the person the viewer is,
{system} whether they administer the system, {manages} whether they manage members. What may not be seen is
not found.

Three things open a row of the catalog: it is the viewer's own, it is public, or a deal licenses it. A viewer
bound to territories sees, beside its own rows, only those with a deal in force in one of them: any row whose
deal names the viewer as licensee, and a public row whose deal is for everyone. No licence opens a draft.
What a deal covers is told by `catalog_licensed` (migrations/licences.py).

A root page reads the branches one by one, which is three times as fast as their `or`; nested rows take the
`or`. What only licences open is found from the deals on (`Licence`).
"""

from dataclasses import dataclass

from domain.access.viewer import ANYWHERE, BOUND, Sight
from domain.kinds import KINDS

_OWN = "{t}.owner_id = {viewer}"
_OF_ORGANIZATION = "{t}.organization_id = {viewer}"
_PUBLIC = "{t}.visibility = 'public'"
THERE = "{t}.status <> 'deleted'"


@dataclass(frozen=True)
class Licence:
    """The rows of a kind that only deals open, and how they are found.

    open: that a row needs none; closed: that it does. worth: whether looking is worth while at all; over no
    row. candidates: a set of ids, more than there are, {most} of them or `null` for all. owners: those whose
    rows may be opened. gate: that a row may be, judge: that it is.
    """

    open: str
    closed: str
    worth: str
    candidates: str
    owners: str
    gate: str
    judge: str

    @property
    def row(self) -> str:
        """That a row is opened."""
        return f"({self.gate} and {self.judge})"


@dataclass(frozen=True)
class Policy:
    """The rows of a table that a viewer may see.

    branches: conditions, each with an index of its own; the rows are their union, and what `licence` adds.
    They may overlap: were own rows left out of the public ones, a page would read past all of them in search
    of others'. bound: the branches for a viewer bound to territories, where they are others. either: the
    branches in one condition, where something shorter says the same.
    """

    branches: tuple[str, ...]
    bound: tuple[str, ...] | None = None
    kind: str = ""

    def of(self, sight: Sight) -> tuple[str, ...]:
        """The branches for a kind of viewer."""
        return self.bound if sight.bound and self.bound is not None else self.branches

    def nested(self, sight: Sight) -> str:
        """The branches in one condition, and what a licence adds."""
        if self.kind:
            found = licence_of(self.kind, sight)
            # What the branches share is said once.
            return f"({found.open} or {found.row}) and {THERE}"
        branches = self.of(sight)
        return branches[0] if len(branches) == 1 else "(" + " or ".join(f"({b})" for b in branches) + ")"


def licence_of(kind: str, sight: Sight) -> Licence:
    """What deals open of a kind. Whoever is bound to territories needs a deal for public rows as well."""
    places = "{territories}" if sight.bound else "null"
    everyone = "{t}.visibility = 'public'" if sight.bound else "false"
    also = "true" if sight.bound else "false"
    owners = f"(select catalog_licensors({{viewer}}, {also}))::uuid[]"
    worth = (
        "true"
        if sight.bound
        else "((select exists (select from deal x where x.licensee_id = {viewer})) or "
        "(select exists (select from organization_dpid x "
        "where x.organization_id = {viewer} and x.proven_at is not null)))"
    )
    # The owner is compared first: calling the function for every private row of strangers would cost more
    # than the rest of a search.
    gate = f"{{t}}.owner_id = any({owners}) and {{t}}.status not in ('draft', 'deleted')"
    judge = f"catalog_licensed('{kind}', {{t}}.id, {{t}}.owner_id, {{viewer}}, {places}, {everyone})"
    candidates = f"select catalog_licensed_ids('{kind}', {{viewer}}, {places}, {also}, {{most}}) as id"
    return Licence(
        open=_OWN if sight.bound else f"{_OWN} or {_PUBLIC}",
        closed="{t}.owner_id <> {viewer}" + ("" if sight.bound else " and {t}.visibility <> 'public'"),
        worth=worth,
        candidates=candidates,
        owners=owners,
        gate=gate,
        judge=judge,
    )


_OWN_THERE = f"{_OWN} and {THERE}"
_GRANTED_DEAL = "{t}.status = 'active' and {t}.owner_id <> {viewer}"
_LICENSEE = (
    f"{{t}}.licensee_id = {{viewer}} and {_GRANTED_DEAL}",
    "{t}.licensee_id is null and {t}.licensee_dpid = any(array(select x.dpid from organization_dpid x "
    f"where x.organization_id = {{viewer}} and x.proven_at is not null)) and {_GRANTED_DEAL}",
)
# A licensee sees the deals made with it, so far as they are settled, and no other deal of that owner.
DEALS = Policy(
    (_OWN_THERE, *_LICENSEE),
    (_OWN_THERE, *(f"{side} and {{t}}.territories && {{territories}}" for side in _LICENSEE)),
)
OWN = Policy((_OWN,))
# Values of a row that was itself found visible.
WITH_PARENT = Policy(("true",))
_VALUES = (
    "title",
    "identifier",
    "annotation",
    "artist_credit",
    "artist_credit_name",
    "medium",
    "work_writer",
    "chapter",
    # Rows of no table: what they tell of, they tell under its own rule.
    "similar",
    "similar_recording",
)


def _catalog(kind: str) -> Policy:
    return Policy((_OWN_THERE, f"{_PUBLIC} and {THERE}"), (_OWN_THERE,), kind)


def _of_recording(sight: Sight) -> str:
    seen = _catalog("recording").nested(sight).replace("{t}", "r")
    return f"exists (select from recording r where r.id = {{t}}.recording_id and {seen})"


POLICIES: dict[str, Policy] = {
    **{kind: _catalog(kind) for kind in KINDS if kind != "deal"},
    "deal": DEALS,
    # The trail, what was delivered and what is at work are their owner's alone, whatever is licensed.
    "delivery": OWN,
    "finding": Policy(
        ("exists (select from delivery d where d.id = {t}.delivery_id and d.owner_id = {viewer})",)
    ),
    "file": OWN,
    "enrichment": OWN,
    "legal_hold": OWN,
    "job": OWN,
    "callback_partner": OWN,
    "callback_event": OWN,
    "distribution": OWN,
    "alert": OWN,
    "notice": OWN,
    "notice_channel": OWN,
    "notice_delivery": OWN,
    "change_set": OWN,
    "change": OWN,
    "source_record": OWN,
    # What was measured of a recording is seen by whoever sees the recording, also through its tracks.
    "audio_feature": Policy((_of_recording(ANYWHERE),), (_of_recording(BOUND),)),
    "organization": Policy(("{t}.id = {viewer}", "{system}")),
    "organization_dpid": Policy((_OF_ORGANIZATION, "{system}")),
    "member": Policy((_OF_ORGANIZATION,)),
    "invitation": Policy((_OF_ORGANIZATION,)),
    "client": Policy((_OF_ORGANIZATION,)),
    "api_key": Policy(
        ("exists (select from client c where c.id = {t}.client_id and c.organization_id = {viewer})",)
    ),
    "session": Policy(("{t}.user_id = {user}", f"{{manages}} and {_OF_ORGANIZATION}")),
    **dict.fromkeys(_VALUES, WITH_PARENT),
}


def nested(table: str, sight: Sight) -> str:
    """The predicate for rows reached from a row that was found."""
    return POLICIES[table].nested(sight)


def branches(table: str, sight: Sight) -> tuple[str, ...]:
    """The predicates whose union a root page reads, and its count."""
    return POLICIES[table].of(sight)


def licence(table: str, sight: Sight) -> Licence | None:
    """What deals open beyond the branches, where they do."""
    kind = POLICIES[table].kind
    return licence_of(kind, sight) if kind else None
