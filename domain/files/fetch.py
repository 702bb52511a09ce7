"""What a signed link to a file leads to."""

import uuid
from dataclasses import dataclass

from domain.ports import Sql


@dataclass(frozen=True)
class Content:
    """The bytes of a file, and what they are called outside."""

    sha256: str
    file_name: str
    media_type: str


async def content_of(sql: Sql, id: uuid.UUID) -> Content | None:
    """The content of a file that is ready. Quarantined bytes are given to nobody, whoever asks."""
    row = await sql.fetchrow(
        "select sha256, file_name, media_type from file where id = $1 and state = 'ready'", id
    )
    if row is None:
        return None
    return Content(row["sha256"], row["file_name"], row["media_type"] or "application/octet-stream")
