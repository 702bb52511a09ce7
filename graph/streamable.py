"""`isStreamable`: what `domain.rights.availability` decides about streaming on demand, as SQL.

The same rules, compiled into the statement that reads the row, so that a page of a hundred asks once. The
tests hold both against the same slow reference.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from domain.rights.candidates import LICENSEE
from domain.rights.territory import TerritoryUnknown, countries_of
from domain.rights.uses import STREAM_ON_DEMAND, granted_by
from graph.bind import Takes, expression
from graph.problems import ReadRefused
from graph.scalars import Territory

_USES = "array[" + ", ".join(f"'{use}'" for use in granted_by(STREAM_ON_DEMAND)) + "]"
# Where a row is on offer: what narrower deals name, and the release.
_SPOTS = {
    "release": "select array[]::uuid[] as own, {p}.id as wide",
    "track": (
        "select array[{p}.id, case when h.owner_id = {p}.owner_id then h.id end, "
        "case when v.owner_id = {p}.owner_id then v.id end] as own, "
        "case when r.owner_id = {p}.owner_id then r.id end as wide from release r "
        "left join recording h on h.id = {p}.recording_id left join video v on v.id = {p}.video_id "
        "where r.id = {p}.release_id and r.status = 'active' "
        "and coalesce(h.status, 'active') = 'active' and coalesce(v.status, 'active') = 'active'"
    ),
    "recording": (
        "select array[{p}.id] as own, null::uuid as wide union all "
        "select array[t.id, {p}.id], r.id from track t join release r on r.id = t.release_id "
        "where t.recording_id = {p}.id and t.owner_id = {p}.owner_id and r.owner_id = {p}.owner_id "
        "and t.status = 'active' and r.status = 'active'"
    ),
}


def _in_force(deal: str) -> str:
    return (
        f"({deal}.valid_from is null or {deal}.valid_from <= {{at}}) "
        f"and ({deal}.valid_until is null or {{at}} < {deal}.valid_until) "
        f"and {deal}.territories @> array[c.code]"
    )


def streamable_sql(kind: str) -> str:
    """SQL over {p}, a row of the kind: whether everywhere in {countries}, {at} then, it may be streamed.

    The few deals of a row are fetched once, into k; everything else is decided among them.
    """
    owns = "{p}.owner_id = {viewer}"
    whose = "({d}.is_for_all or {d}.party = l.asker)"
    takedown = (
        f"select from k x where x.n = d.n and x.is_takedown and {_in_force('x')} and {whose.format(d='x')}"
    )
    narrower = (
        "select from k y where y.n = d.n and y.is_narrow and not y.is_takedown "
        f"and m.model = any(y.models) and {whose.format(d='y')}"
    )
    return (
        f"{{p}}.status = 'active' and ({owns} or {{bounds}} is null or {{countries}} <@ {{bounds}}) and ("
        f"with o as materialized (select row_number() over () as n, o.* from ({_SPOTS[kind]}) o), "
        "k as materialized (select o.n, d.is_takedown, d.valid_from, d.valid_until, d.territories, "
        f"d.commercial_models as models, {LICENSEE.format(d='d')} as party, "
        "d.licensee_id is null and d.licensee_dpid is null as is_for_all, "
        "bool_or(i.id = any(o.own)) as is_narrow "
        "from o, unnest(o.own || o.wide) i (id) join deal_subject s on s.subject_id = i.id "
        "join deal d on d.id = s.deal_id "
        "where d.owner_id = {p}.owner_id and d.status = 'active' "
        f"and (d.is_takedown or d.use_types && {_USES} and d.commercial_models <> '{{{{}}}}') "
        "group by o.n, d.id) "
        "select not exists (select from unnest({countries}) c (code) where not exists ("
        f"select from k d, lateral (select case when {owns} then d.party else {{viewer}} end as asker) l "
        f"where not d.is_takedown and {_in_force('d')} and {whose.format(d='d')} "
        f"and not exists ({takedown}) and (d.is_narrow or exists ("
        f"select from unnest(d.models) m (model) where not exists ({narrower}))))))"
    )


def _countries(given: Mapping[str, Any]) -> list[str]:
    try:
        return sorted(countries_of(given["territory"]))
    except TerritoryUnknown as error:
        raise ReadRefused("BAD_USER_INPUT", str(error)) from None


def _at(given: Mapping[str, Any]) -> datetime:
    at: datetime | None = given.get("at")
    return at or datetime.now(UTC)


def streamable(kind: str) -> Any:
    """The field of a kind that says whether it may be streamed on demand, in a territory, by the viewer."""
    return expression(
        streamable_sql(kind),
        takes={
            "territory": Takes(Territory, "countries", "text[]", _countries),
            "at": Takes(datetime | None, "at", "timestamptz", _at),
        },
        about="Whether it may be streamed on demand there, under some commercial model; at: now unless said.",
    )
