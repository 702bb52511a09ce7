"""Keeps the vector that a model made of an entity."""

import math
import uuid
from collections.abc import Sequence

from domain.ports import Sql
from domain.vectors.tables import MADE_OF

# What halfvec_cosine_ops can index.
MOST_DIMENSIONS = 4_000


async def keep_embedding(
    sql: Sql,
    kind: str,
    entity_id: uuid.UUID,
    *,
    model: str,
    version: str,
    vector: Sequence[float] | None,
    dimensions: int | None = None,
    of_sha256: str,
    made_of: str = "sound",
    reason: str | None = None,
) -> bool:
    """Keep what a model made of an entity, in place of what it made before; whether anything is new.

    vector: of any length but zero, it is kept at unit length; None where the model has nothing to say, with
    the `reason` in a word (`silence`). dimensions: of the model's space, where there is no vector.
    of_sha256: of the bytes or the text it was made of. Nothing is written when it is there already. Raises
    ValueError for numbers that are none, and for a vector that points nowhere.
    """
    assert made_of in MADE_OF, made_of
    assert (vector is None) == (reason is not None), "a vector, or the reason why there is none"
    text = None if vector is None else _text(vector)
    row = await sql.fetchrow(
        _KEEP,
        entity_id,
        kind,
        made_of,
        model,
        version,
        dimensions or (len(vector) if vector is not None else 1),
        text,
        reason,
        of_sha256,
    )
    return row is not None


def _text(vector: Sequence[float]) -> str:
    """The vector at unit length, as PostgreSQL reads it."""
    if not 1 <= len(vector) <= MOST_DIMENSIONS:
        raise ValueError(f"the vector has {len(vector)} dimensions; 1 to {MOST_DIMENSIONS} will do")
    length = math.sqrt(math.fsum(number * number for number in vector))
    if not math.isfinite(length):
        raise ValueError("the vector holds a number that is none")
    if length < 1e-12:
        raise ValueError("the vector points nowhere; give None and the reason")
    return "[" + ",".join(f"{number / length:.6g}" for number in vector) + "]"


_KEEP = """
insert into embedding as e
       (entity_id, kind, made_of, model, model_version, dimensions, vector, reason, of_sha256)
values ($1, $2, $3, $4, $5, $6, $7::text::halfvec, $8, $9)
on conflict (entity_id, model, model_version) do update
   set kind = excluded.kind, made_of = excluded.made_of, dimensions = excluded.dimensions,
       vector = excluded.vector, reason = excluded.reason, of_sha256 = excluded.of_sha256,
       made_at = clock_timestamp()
 where (e.made_of, e.dimensions, e.vector, e.reason, e.of_sha256) is distinct from
       (excluded.made_of, excluded.dimensions, excluded.vector, excluded.reason, excluded.of_sha256)
returning true
"""
