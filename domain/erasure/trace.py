"""Where a person is named: a look into every column of every table that can hold a text, a document or an id.

The list of columns is asked of the database, so a table that is added tomorrow is looked into as well. The
e-mail address is looked for without regard to case. A name counts where it is a whole value, or, if it has
several words, anywhere: a name of one word is also a title, a city and a word.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from domain.ports import Sql, text_of

# The audit of the act itself, and what is no data: nobody is named in the register of ids.
_LEFT_OUT = frozenset({"erasure", "alembic_version"})
# Names of credentials that must not count any more; each is dropped when the last token of its name is over.
EXPIRES = "revocation"


@dataclass(frozen=True)
class Person:
    """Who is looked for."""

    user_id: uuid.UUID
    email: str
    name: str


@dataclass(frozen=True)
class Trace:
    """Rows of a table that name the person, by column.

    content: what organizations wrote into their catalogs, which is theirs to edit and nobody's account.
    """

    table: str
    columns: dict[str, int] = field(default_factory=dict)
    content: bool = False


async def trace(sql: Sql, person: Person) -> list[Trace]:
    """Every table that names the person."""
    content = await content_tables(sql)
    found = []
    for table, columns in (await _columns(sql)).items():
        parts = [f"count(*) filter (where {_names(name, kind)})" for name, kind in columns]
        row = await sql.fetchrow(
            f'select {", ".join(parts)} from "{table}" t where $1::text is not null and $2::text is not null '
            "and $3::text is not null",
            str(person.user_id),
            person.email.lower(),
            person.name,
        )
        counts = {name: row[place] for place, (name, _) in enumerate(columns) if row[place]}
        if counts:
            found.append(Trace(table, counts, table in content))
    return found


async def content_tables(sql: Sql) -> frozenset[str]:
    """The tables of what organizations say in their catalogs."""
    rows = await sql.fetch(_CONTENT)
    return frozenset(text_of(row["name"]) for row in rows)


def told(traces: Iterable[Trace]) -> dict[str, dict[str, int]]:
    """Traces as they are kept and shown."""
    return {trace.table: trace.columns for trace in traces}


_CONTENT = """
select c.relname::text as name from pg_trigger g join pg_class c on c.oid = g.tgrelid
 where g.tgname = 'record_delete'
union select unnest(array['source_record', 'source_mapping', 'artist_credit', 'artist_credit_name', 'entity'])
"""


async def _columns(sql: Sql) -> dict[str, list[tuple[str, str]]]:
    """The columns of each table that can name somebody; of a partitioned table once."""
    rows = await sql.fetch(
        "select c.table_name::text as t, c.column_name::text as name, "
        "case when c.data_type = 'ARRAY' then c.udt_name else c.data_type end::text as kind "
        "from information_schema.columns c join pg_class k on k.relname = c.table_name "
        "and k.relnamespace = 'public'::regnamespace "
        "where c.table_schema = 'public' and k.relkind in ('r', 'p') and not k.relispartition "
        "and (c.data_type in ('text', 'character varying', 'json', 'jsonb', 'uuid', 'bytea') "
        "or c.udt_name in ('_text', '_varchar', '_uuid', '_jsonb')) order by 1, c.ordinal_position"
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        table = text_of(row["t"])
        if table not in _LEFT_OUT:
            found.setdefault(table, []).append((text_of(row["name"]), text_of(row["kind"])))
    return found


def _names(column: str, kind: str) -> str:
    """That a column names the person. $1: the id, $2: the address in lower case, $3: the name."""
    own = f't."{column}"'
    if kind in ("uuid", "_uuid"):
        return f"position($1 in {own}::text) > 0"
    if kind == "bytea":
        return " or ".join(f"position(convert_to({part}, 'UTF8') in {own}) > 0" for part in ("$1", "$2"))
    text = f"{own}::text"
    whole = (
        f"{text} = $3"
        if kind in ("text", "character varying")
        else f"position(to_json($3::text)::text in {text}) > 0"
    )
    return (
        f"position($1 in {text}) > 0 or position($2 in lower({text})) > 0 or {whole} "
        f"or (position(' ' in $3) > 0 and position($3 in {text}) > 0)"
    )


def left_of(traces: Iterable[Trace]) -> dict[str, Any]:
    """A proof: what names the person still, outside of what expires by itself and of others' catalogs."""
    traces = list(traces)
    return {
        "left": told(t for t in traces if not t.content and t.table != EXPIRES),
        "expires": told(t for t in traces if t.table == EXPIRES),
        "content": told(t for t in traces if t.content),
    }
