"""The erasures there were: nobody is named in them."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.ports import Sql, text_of


@dataclass(frozen=True)
class Listed:
    """One erasure, without whom it was about."""

    id: uuid.UUID
    pseudonym: uuid.UUID
    state: str
    reason: str
    requested_by: str
    result: dict[str, Any] | None
    proof: dict[str, Any] | None
    started_at: datetime
    finished_at: datetime | None


async def listed(sql: Sql, most: int = 100) -> list[Listed]:
    """The latest erasures, the newest first."""
    rows = await sql.fetch(
        "select id, pseudonym, state, reason, requested_by, result, proof, started_at, finished_at "
        "from erasure order by id desc limit $1",
        most,
    )
    return [
        Listed(
            row["id"],
            row["pseudonym"],
            text_of(row["state"]),
            text_of(row["reason"]),
            text_of(row["requested_by"]),
            json.loads(row["result"]) if row["result"] else None,
            json.loads(row["proof"]) if row["proof"] else None,
            row["started_at"],
            row["finished_at"],
        )
        for row in rows
    ]
