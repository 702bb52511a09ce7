"""How many bytes an organization may send and keep, as its tier says; refused before they are sent."""

import uuid
from dataclasses import dataclass

from domain.ports import Sql
from domain.refusals import Refusal

# A file that is awaited counts with the size that was promised: its room is taken.
_COUNTED = "('uploading', 'checking', 'ready', 'quarantined')"


class FileTooLarge(Refusal):
    """One file is larger than the tier allows."""

    code = "file_too_large"
    status = 413


class StorageFull(Refusal):
    """The organization keeps as many bytes as its tier allows."""

    code = "storage_full"
    status = 409


class UploadTooSlow(Refusal):
    """The upload took longer than the tier allows."""

    code = "upload_too_slow"
    status = 408


@dataclass(frozen=True)
class Room:
    """What an organization may send: bytes of one file, bytes of all files, seconds of one upload.

    kept_bytes: what it keeps and awaits by now.
    """

    tier: str
    most_file_bytes: int
    most_kept_bytes: int
    most_upload_s: int
    kept_bytes: int

    @property
    def largest(self) -> int:
        """The bytes that one more file may have."""
        return max(0, min(self.most_file_bytes, self.most_kept_bytes - self.kept_bytes))

    def expect(self, size_bytes: int) -> None:
        """Raise FileTooLarge or StorageFull where so many bytes more are too many."""
        if size_bytes > self.most_file_bytes:
            raise FileTooLarge(
                f"the file has {size_bytes:,} bytes; at most {self.most_file_bytes:,} in tier {self.tier}",
                path=("size_bytes",),
                largest=self.most_file_bytes,
            )
        if self.kept_bytes + size_bytes > self.most_kept_bytes:
            raise StorageFull(
                f"{size_bytes:,} bytes more are too many: {self.kept_bytes:,} of {self.most_kept_bytes:,} "
                f"are taken in the tier {self.tier}; delete files that are no longer needed",
                kept=self.kept_bytes,
                most=self.most_kept_bytes,
            )

    def too_many(self, size_bytes: int) -> Refusal:
        """The refusal of a stream that grew beyond `largest`. size_bytes: what came by then."""
        try:
            self.expect(max(size_bytes, self.largest + 1))
        except Refusal as refusal:
            return refusal
        raise AssertionError("it was not too many")


async def room_of(sql: Sql, organization_id: uuid.UUID) -> Room:
    """What an organization may send now."""
    row = await sql.fetchrow(
        f"select t.name, t.most_file_bytes, t.most_kept_bytes, t.most_upload_s, "
        f"(select coalesce(sum(f.size_bytes), 0)::bigint from file f "
        f"  where f.owner_id = o.id and f.state in {_COUNTED}) as kept_bytes "
        "from organization o join tier t on t.name = o.tier where o.id = $1",
        organization_id,
    )
    assert row is not None, f"organization {organization_id} has no tier"
    return Room(
        row["name"],
        row["most_file_bytes"],
        row["most_kept_bytes"],
        row["most_upload_s"],
        row["kept_bytes"],
    )


async def hold_room(sql: Sql, organization_id: uuid.UUID) -> Room:
    """The same, held until the transaction ends: two uploads can't take the same room."""
    await sql.execute("select pg_advisory_xact_lock(hashtextextended($1, 5))", f"files of {organization_id}")
    return await room_of(sql, organization_id)
