"""The SQL of licences: which rows of others a deal in force opens to an organization.

Four functions, called by the row rules of `domain/access/policy.py`. They are functions and no part of each
statement because what covers an entity is many joins long: written out at each table of a statement they
would be planned and begun with for everybody, and only licensees need them. In PL/pgSQL, which keeps plans.

A deal counts for what its owner owns, while it is in force. A takedown in force takes its territories away
from every path it stands on, for its licensee or for everyone. What a path leads through must be there
itself: no draft, not deleted, of the same owner.
"""

from collections.abc import Sequence

KINDS = (
    "artist",
    "release",
    "recording",
    "video",
    "track",
    "work",
    "podcast",
    "episode",
    "book",
    "audiobook",
    "image",
    "credit",
)
# A picture or a credit of these is nobody's licence.
_HANGING = "('image', 'credit', 'deal')"

_LIVE = "{t}.owner_id = of_owner and {t}.status not in ('draft', 'deleted')"
_IN_FORCE = (
    "d.status = 'active' and (d.valid_from is null or d.valid_from <= now()) "
    "and (d.valid_until is null or now() < d.valid_until)"
)
_DPIDS = "array(select p.dpid from organization_dpid p where p.organization_id = viewer_id and p.proven_at is not null)"
_SOMEWHERE = "(case when places is null then d.territories <> '{}' else d.territories && places end)"


def _for(everyone: str) -> str:
    """The condition that a deal's licensee is the viewer or, where that counts, everyone."""
    return (
        "(d.licensee_id = viewer_id or d.licensee_id is null and "
        f"(d.licensee_dpid is null and {everyone} or d.licensee_dpid = any({_DPIDS})))"
    )


# The territories come last: the world is a long array, and reading it costs more than all the rest.
_GRANTS = (
    f"case when {_for('everyone')} and not d.is_takedown and {_IN_FORCE} then {_SOMEWHERE} else false end"
)
_TAKES = f"d.is_takedown and {_IN_FORCE} and {_for('true')}"
_ON_PATH = "from deal_subject s join deal d on d.id = s.deal_id where s.subject_id = any(path) and d.owner_id = of_owner"


def _granted(subject: str) -> str:
    """The condition that a deal names a subject, takedowns left aside."""
    return (
        "exists (select from deal_subject s join deal d on d.id = s.deal_id "
        f"where s.subject_id = {subject} and d.owner_id = of_owner and {_GRANTS})"
    )


GRANTED = f"""
-- Whether a territory is left of what deals grant to one of the entities of a path.
create or replace function catalog_granted(
  path uuid[], of_owner uuid, viewer_id uuid, places text[], everyone boolean)
  returns boolean language plpgsql stable parallel safe cost 1000
  set plan_cache_mode = force_generic_plan as $$
begin
  if not exists (select {_ON_PATH} and {_GRANTS}) then return false; end if;
  if not exists (select {_ON_PATH} and {_TAKES}) then return true; end if;
  return exists (
    select p from (select unnest(d.territories) as p {_ON_PATH} and {_GRANTS}) g
     where places is null or p = any(places)
    except
    select unnest(d.territories) {_ON_PATH} and {_TAKES});
end $$;
"""

_HEARD = (
    f"({_granted('{x}.id')} or exists (select from track t where t.recording_id = {{x}}.id "
    f"and {_LIVE.format(t='t')} and ({_granted('t.id')} or {_granted('t.release_id')})))"
)


def _through() -> str:
    """The cases in which an entity is covered through another, one statement a kind."""
    heard = _HEARD.replace("{x}", "x")
    live = {name: _LIVE.format(t=name) for name in "rxc"}
    named = "from artist_credit_name n join {kind} {x} on {x}.artist_credit_id = n.artist_credit_id"
    credited = (
        "from credit c join {kind} {x} on {x}.id = c.subject_id "
        f"where c.artist_id = of_id and {live['c']} and "
    )
    artist = " union all ".join(
        (
            f"select 'release' as kind, r.id {named.format(kind='release', x='r')} "
            f"where n.artist_id = of_id and {live['r']} and {_granted('r.id')}",
            f"select 'recording', x.id {named.format(kind='recording', x='x')} "
            f"where n.artist_id = of_id and {live['x']} and {heard}",
            f"select 'release', r.id {credited.format(kind='release', x='r')} {live['r']} and {_granted('r.id')}",
            f"select 'recording', x.id {credited.format(kind='recording', x='x')} {live['x']} and {heard}",
        )
    )
    ways = {
        "recording": "select 'track' as kind, t.id from track t where t.recording_id = of_id "
        f"and {_LIVE.format(t='t')} and ({_granted('t.id')} or {_granted('t.release_id')})",
        "work": "select 'recording' as kind, x.id from recording_work j join recording x on x.id = j.recording_id "
        f"where j.work_id = of_id and {live['x']} and {heard}",
        "artist": artist,
        **{
            kind: f"select e.kind, e.id from {kind} i join entity e on e.id = i.subject_id "
            f"where i.id = of_id and e.kind not in {_HANGING}"
            for kind in ("image", "credit")
        },
    }
    # One statement, which stops at the first way that opens it; a loop would fetch ten at a time.
    return "\n".join(
        f"""    when '{kind}' then
      return exists (select from ({way} offset 0) w where catalog_licensed(
        w.kind, w.id, of_owner, viewer_id, places, everyone, path));"""
        for kind, way in ways.items()
    )


def _there() -> str:
    return "\n".join(
        f"      when '{kind}' then perform 1 from {kind} x where x.id = of_id and {_LIVE.format(t='x')};"
        for kind in KINDS
    )


LICENSED = f"""
-- Whether a deal opens an entity: one that names it, or names what it is part of. steps: the entities that
-- are covered through this one, on the way here. everyone: whether deals without a licensee count.
create or replace function catalog_licensed(
  of_kind text, of_id uuid, of_owner uuid, viewer_id uuid, places text[], everyone boolean,
  steps uuid[] default '{{}}')
  returns boolean language plpgsql stable parallel safe cost 2000 as $$
declare
  path uuid[] := steps || of_id;
begin
  if steps <> '{{}}' then
    case of_kind
{_there()}
      else return false;
    end case;
    if not found then return false; end if;
  end if;
  if of_kind = 'track' then
    path := coalesce((select path || r.id from track t join release r on r.id = t.release_id
                       where t.id = of_id and {_LIVE.format(t="r")}), path);
  elsif of_kind = 'episode' then
    path := coalesce((select path || r.id from episode t join podcast r on r.id = t.podcast_id
                       where t.id = of_id and {_LIVE.format(t="r")}), path);
  end if;
  if catalog_granted(path, of_owner, viewer_id, places, everyone) then return true; end if;
  case of_kind
{_through()}
    else return false;
  end case;
end $$;
"""

LICENSORS = """
-- The owners with deals for an organization, or also for everyone: more than count, never fewer. Along the
-- index from one owner to the next, so that a hundred thousand deals of one take as long as one.
create or replace function catalog_licensors(viewer_id uuid, everyone boolean)
  returns uuid[] language plpgsql stable parallel safe cost 1000 as $$
declare
  found_ones uuid[] := '{}';
  code text;
  last uuid := '00000000-0000-0000-0000-000000000000';
begin
  loop
    select d.owner_id into last from deal d
     where d.licensee_id = viewer_id and d.owner_id > last order by d.owner_id limit 1;
    exit when not found;
    found_ones := found_ones || last;
  end loop;
  for code in select p.dpid from organization_dpid p
               where p.organization_id = viewer_id and p.proven_at is not null
  loop
    last := '00000000-0000-0000-0000-000000000000';
    loop
      select d.owner_id into last from deal d
       where d.licensee_dpid = code and d.owner_id > last order by d.owner_id limit 1;
      exit when not found;
      found_ones := found_ones || last;
    end loop;
  end loop;
  if everyone then
    last := '00000000-0000-0000-0000-000000000000';
    loop
      select d.owner_id into last from deal d
       where d.licensee_id is null and d.licensee_dpid is null and d.owner_id > last
       order by d.owner_id limit 1;
      exit when not found;
      found_ones := found_ones || last;
    end loop;
  end if;
  return array(select distinct o from unnest(found_ones) o);
end $$;
"""


_LICENSEES = (
    "d.licensee_id = viewer_id",
    f"d.licensee_id is null and d.licensee_dpid = any({_DPIDS})",
)
_EVERYONE = ("d.licensee_id is null and d.licensee_dpid is null",)


def _candidates(whose: Sequence[str]) -> dict[str, str]:
    """For each kind: the ids that deals may open, found from the deals on. whose: which deals."""
    in_force = f"case when not d.is_takedown and {_IN_FORCE} then {_SOMEWHERE} else false end"
    deals = " union all ".join(f"select d.id from deal d where {one} and {in_force}" for one in whose)
    named = f"(select s.subject_id as id from ({deals}) d join deal_subject s on s.deal_id = d.id)"
    # Deals name releases most often, so what is reached by them comes first and fills the limit.
    tracks = (
        f"(select t.id, t.recording_id from {named} n join track t on t.release_id = n.id union all "
        f"select t.id, t.recording_id from {named} n join track t on t.id = n.id)"
    )
    recordings = f"(select t.recording_id as id from {tracks} t union all select n.id from {named} n)"
    works = f"(select n.id from {named} n union all select j.work_id from {recordings} n join recording_work j on j.recording_id = n.id)"
    episodes = f"(select n.id from {named} n union all select e.id from {named} n join episode e on e.podcast_id = n.id)"
    credited = " union all ".join(
        f"select c.artist_id from {source} n join {kind} r on r.id = n.id "
        "join artist_credit_name c on c.artist_credit_id = r.artist_credit_id"
        for kind, source in (("release", named), ("recording", recordings))
    )
    artists = (
        f"(select n.id from {named} n union all {credited} union all "
        f"select c.artist_id from {recordings} n join credit c on c.subject_id = n.id)"
    )
    anything = " union all ".join(
        f"select id from {source} x" for source in (tracks, recordings, works, episodes, artists)
    )
    hanging = {
        kind: f"(select n.id from {named} n union all select i.id from ({anything}) n "
        f"join {kind} i on i.subject_id = n.id)"
        for kind in ("image", "credit")
    }
    sources = {
        "track": tracks,
        "recording": recordings,
        "work": works,
        "episode": episodes,
        "artist": artists,
        **hanging,
    }
    return {kind: sources.get(kind, named) for kind in KINDS}


def _cases() -> str:
    licensed, shared = _candidates(_LICENSEES), _candidates(_EVERYONE)
    return "\n".join(
        f"""    when '{kind}' then
      return query select x.id from {licensed[kind]} n join {kind} x on x.id = n.id
        where x.status not in ('draft', 'deleted') and (everyone or x.visibility <> 'public') limit most;
      if everyone then
        return query select x.id from {shared[kind]} n join {kind} x on x.id = n.id
          where x.status not in ('draft', 'deleted') and x.visibility = 'public' limit most;
      end if;"""
        for kind in KINDS
    )


# Small steps along indexes, whatever the planner thinks how many there are: most licensees have few deals.
LICENSED_IDS = f"""
-- The ids of a kind that deals may open, more than they do and some twice; `catalog_licensed` decides.
-- most: so many will do; null for all.
create or replace function catalog_licensed_ids(
  of_kind text, viewer_id uuid, places text[], everyone boolean, most int)
  returns setof uuid language plpgsql stable parallel safe cost 10000
  set enable_hashjoin = off set enable_mergejoin = off set max_parallel_workers_per_gather = 0
  set join_collapse_limit = 1 set from_collapse_limit = 1 set plan_cache_mode = force_generic_plan as $$
begin
  case of_kind
{_cases()}
  end case;
end $$;
"""

FUNCTIONS = (GRANTED, LICENSED, LICENSORS, LICENSED_IDS)
SIGNATURES = (
    "catalog_licensed_ids(text, uuid, text[], boolean, int)",
    "catalog_licensors(uuid, boolean)",
    "catalog_licensed(text, uuid, uuid, uuid, text[], boolean, uuid[])",
    "catalog_granted(uuid[], uuid, uuid, text[], boolean)",
)
