"""The four questions of the read bench: as GraphQL, and as SQL written by hand for the same answer.

The hand-written SQL carries the same row predicates, since any handler must look at them. It leaves out
what only a general engine does: old ids of merged entities, signatures in cursors.
"""

import base64
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Variables = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """One question. arguments: the parameters of `sql` after the viewer's organization, from variables."""

    name: str
    about: str
    document: str
    sql: str
    arguments: Callable[[Variables], tuple[Any, ...]]


def _global_id(kind: str, id: str) -> str:
    packed = f"encode(convert_to('{kind}:', 'UTF8') || uuid_send({id}), 'base64')"
    return f"""'"'||translate(rtrim({packed}, '='), '+/', '-_')||'"'"""


def _visible(t: str) -> str:
    return f"({t}.owner_id = $1::uuid or {t}.visibility = 'public') and {t}.status <> 'deleted'"


def _page(table: str, columns: str, more: str, size: int) -> str:
    """Rows of a root page and one more: each branch of the predicate by its own index."""
    end = f"order by id limit {size + 1}"
    own = f"select {columns} from {table} where owner_id = $1::uuid and status <> 'deleted' and {more} {end}"
    public = (
        f"select {columns} from {table} where visibility = 'public' and status <> 'deleted' "
        f"and owner_id <> $1::uuid and {more} {end}"
    )
    return f"select * from (({own}) union all ({public})) x {end}"


def _uuid_of(global_id: str) -> uuid.UUID:
    return uuid.UUID(bytes=base64.urlsafe_b64decode(global_id + "=" * (-len(global_id) % 4))[-16:])


_by_id = (
    """
select coalesce((
  select '{"data":{"track":{"id":'||"""
    + _global_id("track", "t.id")
    + """||',"title":'||to_json(t.title)::text
    ||',"isrc":'||coalesce(to_json(coalesce(r.isrc, v.isrc))::text, 'null')
    ||',"durationMs":'||coalesce(coalesce(t.duration_ms, r.duration_ms, v.duration_ms)::text, 'null')
    ||',"artistCredit":'||coalesce((
        select '{"name":'||to_json(c.name)::text||',"names":['||coalesce((
            select string_agg('{"name":'||to_json(n.name)::text
              ||',"joinPhrase":'||to_json(n.join_phrase)::text||',"artist":'||coalesce((
                  select '{"id":'||"""
    + _global_id("artist", "a.id")
    + """||',"name":'||to_json(a.name)::text||'}'
                    from artist a where a.id = n.artist_id and """
    + _visible("a")
    + """), 'null')
              ||'}', ',' order by n.position)
            from artist_credit_name n where n.artist_credit_id = c.id), '')||']}'
          from artist_credit c where c.id = t.artist_credit_id), 'null')
    ||',"release":'||coalesce((
        select '{"id":'||"""
    + _global_id("release", "s.id")
    + """||',"title":'||to_json(s.title)::text
            ||',"upc":'||coalesce(to_json(s.upc)::text, 'null')||'}'
          from release s where s.id = t.release_id and """
    + _visible("s")
    + """), 'null')
    ||'}}}'
  from track t left join recording r on r.id = t.recording_id left join video v on v.id = t.video_id
  where t.id = $2::uuid and """
    + _visible("t")
    + """), '{"data":{"track":null}}')
"""
)

_releases = (
    """
select '{"data":{"releases":{"nodes":['||coalesce(string_agg(
    '{"id":'||"""
    + _global_id("release", "s.id")
    + """||',"title":'||to_json(s.title)::text
    ||',"upc":'||coalesce(to_json(s.upc)::text, 'null')
    ||',"artistCredit":'||coalesce((
        select (select '{"names":['||coalesce(string_agg('{"name":'||to_json(n.name)::text
               ||',"joinPhrase":'||to_json(n.join_phrase)::text||'}', ',' order by n.position), '')||']}'
          from artist_credit_name n where n.artist_credit_id = c.id)
          from artist_credit c where c.id = s.artist_credit_id), 'null')
    ||',"tracks":['||coalesce((
        select string_agg('{"position":'||t.position||',"title":'||to_json(t.title)::text
               ||',"durationMs":'||coalesce(coalesce(t.duration_ms,
                   (select r.duration_ms from recording r where r.id = t.recording_id),
                   (select v.duration_ms from video v where v.id = t.video_id))::text, 'null')
               ||'}', ',' order by t.medium_position, t.position, t.id)
          from track t where t.release_id = s.id and """
    + _visible("t")
    + """), '')||']}', ',' order by s.id)
  filter (where s.rn <= 50), '')||']}}}'
from (select p.*, row_number() over (order by id) as rn
        from ("""
    + _page("release", "id, title, upc, artist_credit_id", "id > $2::uuid", 50)
    + """) p) s
"""
)

_tracks = (
    """
select '{"data":{"tracks":{"nodes":['||coalesce(string_agg(
    '{"id":'||"""
    + _global_id("track", "t.id")
    + """||',"title":'||to_json(t.title)::text
    ||',"artistCredit":'||coalesce((
        select (select '{"names":['||coalesce(
                 string_agg('{"name":'||to_json(n.name)::text||'}', ',' order by n.position), '')||']}'
          from artist_credit_name n where n.artist_credit_id = c.id)
          from artist_credit c where c.id = t.artist_credit_id), 'null')
    ||'}', ',' order by t.id) filter (where t.rn <= 100), '')
  ||'],"pageInfo":{"hasNextPage":'||(count(*) > 100)::text
  ||',"endCursor":"'||coalesce((max(t.id::text) filter (where t.rn <= 100)), '')||'"}}}}'
from (select p.*, row_number() over (order by id) as rn
        from ("""
    + _page("track", "id, title, artist_credit_id", "id > $2::uuid", 100)
    + """) p) t
"""
)

_containing = (
    """
with m as materialized (
  select t.id, t.title from track t where catalog_fold(t.title) like
    '%'||replace(replace(replace(catalog_fold($2), '\\', '\\\\'), '%', '\\%'), '_', '\\_')||'%'
    and """
    + _visible("t")
    + """)
select '{"data":{"tracks":{"nodes":['||coalesce(string_agg(
    '{"id":'||"""
    + _global_id("track", "t.id")
    + """||',"title":'||to_json(t.title)::text||'}', ',' order by t.id), '')
  ||']}}}'
from (select * from m order by id limit 20) t
"""
)

QUESTIONS = (
    Question(
        "Q1",
        "one track with its credited artists and its release",
        "query ($id: ID!) { track(id: $id) { id title isrc durationMs "
        "artistCredit { name names { name joinPhrase artist { id name } } } release { id title upc } } }",
        _by_id,
        lambda variables: (_uuid_of(variables["id"]),),
    ),
    Question(
        "Q2",
        "50 releases after a cursor with artists and tracks",
        "query ($after: String!) { releases(first: 50, after: $after) { nodes { id title upc "
        "artistCredit { names { name joinPhrase } } tracks { position title durationMs } } } }",
        _releases,
        lambda variables: (_uuid_of(variables["after"]),),
    ),
    Question(
        "Q3",
        "100 tracks after a cursor with artists, as a connection",
        "query ($after: String!) { tracks(first: 100, after: $after) { nodes { id title "
        "artistCredit { names { name } } } pageInfo { hasNextPage endCursor } } }",
        _tracks,
        lambda variables: (_uuid_of(variables["after"]),),
    ),
    Question(
        "Q4",
        "the first 20 tracks whose title contains a text",
        "query ($text: String!) { tracks(first: 20, filter: {title: {contains: $text}}) "
        "{ nodes { id title } } }",
        _containing,
        lambda variables: (variables["text"],),
    ),
)
BY_DOCUMENT = {question.document: question for question in QUESTIONS}
