"""What an entity says of itself in words: its titles and names, whom it credits, its annotations."""

import json
import uuid
from typing import Any

from domain.kinds import KINDS
from domain.ports import Sql, text_of

# Columns that are words, in the order in which they are read; a kind has some of them.
_WORDS = (
    "title",
    "name",
    "version_title",
    "sort_name",
    "disambiguation",
    "author",
    "publisher",
    "description",
    "labels",
    "genres",
    "instruments",
    "role",
    "type",
    "country",
    "reference",
)


async def own_text(sql: Sql, kind: str, id: uuid.UUID) -> str:
    """The words of an entity, a line each; of those who are credited, only as many as all see who see it."""
    row = await sql.fetchrow(_TEXT.format(kind=kind, credit=_credit(kind)), id)
    assert row is not None, f"{kind} {id} is held and not there"
    own: dict[str, Any] = json.loads(text_of(row["own"]))
    lines: list[str] = []
    for name in _WORDS:
        value = own.get(name)
        lines += value if isinstance(value, list) else [value] if value else []
    for part in ("names", "titles", "credits", "annotations"):
        lines += json.loads(text_of(row[part]))
    return "\n".join(dict.fromkeys(line for line in lines if line))


def _credit(kind: str) -> str:
    return "x.artist_credit_id" if KINDS[kind].has_artist_credit else "null::uuid"


# A credit is an entity with a visibility of its own: what a public row is compared by holds no private one.
_TEXT = """
select to_jsonb(x)::text as own,
       (select coalesce(json_agg(n.name order by n.position), '[]')::text from artist_credit_name n
         where n.artist_credit_id = {credit}) as names,
       (select coalesce(json_agg(concat_ws(' ', t.text, t.subtitle) order by t.position), '[]')::text
          from title t where t.entity_id = x.id) as titles,
       (select coalesce(json_agg(concat_ws(' ', c.name, c.role) order by c.position, c.id), '[]')::text
          from credit c where c.subject_id = x.id and c.owner_id = x.owner_id and c.status <> 'deleted'
           and (c.visibility = 'public' or x.visibility = 'private' and c.status = x.status)) as credits,
       (select coalesce(json_agg(concat_ws(' ', a.key, a.value) order by a.position), '[]')::text
          from annotation a where a.entity_id = x.id) as annotations
  from {kind} x where x.id = $1
"""
