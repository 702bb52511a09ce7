"""What models have to do with the catalog: who asks for them, and what people say of a recording."""

import json
import uuid

from domain.claims import FEATURES, MANUAL
from domain.models.question import WORDS
from domain.models.record import correct
from domain.ports import Sql

ASK_MODELS = "ask_models_about"


async def people_say(sql: Sql, owner_id: uuid.UUID, recording_id: uuid.UUID) -> dict[str, list[str]]:
    """What people say of a recording now, by field; several words of one field are parted by commas.

    A field that they say is not known is an empty list.
    """
    rows = await sql.fetch(
        "select (r.claims -> 'fields')::text as fields "
        "from source_mapping m join entity e on e.id = m.entity_id "
        "join lateral (select claims from source_record r where r.owner_id = m.owner_id "
        "and r.source = m.source and r.external_id = m.external_id order by version desc limit 1) r on true "
        "where m.owner_id = $1 and m.source = $3 and (e.id = $2 or e.merged_into_id = $2)",
        owner_id,
        recording_id,
        MANUAL,
    )
    said: dict[str, list[str]] = {}
    for row in rows:
        for name, value in json.loads(row["fields"]).items():
            field = name.removeprefix(FEATURES)
            if name.startswith(FEATURES) and field in WORDS and isinstance(value, dict):
                words = str(value.get("text") or "").split(",")
                said[field] = [word.strip() for word in words if word.strip()]
    return said


async def measure(sql: Sql, owner_id: uuid.UUID, recording_id: uuid.UUID) -> None:
    """Measure the models' answers about a recording by what people say of it now."""
    await correct(sql, owner_id, recording_id, await people_say(sql, owner_id, recording_id))
