"""The planted legal holds: one that holds and one that was released, of ours and of theirs."""

from tests.factories import OURS, QUOTES, RTL, THEIRS, Planter, instant


async def holds(planter: Planter) -> None:
    """A hold on a person and a released one on the organization."""
    for owner, name in ((OURS, "ours"), (THEIRS, "theirs")):
        await planter.plant(
            "legal_hold",
            f"hold {name}",
            owner,
            subject_type="person",
            subject_id=planter.next_id(),
            reason=QUOTES,
            placed_by="user:tests",
            placed_at=instant(6),
        )
        await planter.plant(
            "legal_hold",
            f"hold {name} released",
            owner,
            subject_type="organization",
            subject_id=owner,
            reason=RTL,
            placed_by="user:tests",
            placed_at=instant(5),
            released_by="user:tests",
            release_reason=QUOTES,
            released_at=instant(7),
        )
