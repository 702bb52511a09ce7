"""Where the fields of an entity come from, for its owner."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry
from strawberry.scalars import JSON

from domain.access.scopes import Scope
from domain.provenance import provenance_of
from graph.availability import entity_of
from graph.bind import Served

if TYPE_CHECKING:
    from graph.served import Asking


@strawberry.type(
    name="Claim",
    description="What one source says of a field. actor: who wrote it down; locked: a person has fixed it.",
)
class ClaimNode:
    """One source's claim."""

    source: str
    value: JSON | None
    confidence: float | None
    recorded_at: datetime
    actor: str | None
    locked: bool


@strawberry.type(
    name="Provenance",
    description="A field and every claim about it: the one that counts first, then its rivals.",
)
class ProvenanceNode:
    """A field and its claims."""

    field: str
    claims: list[ClaimNode]


async def provenance(
    asking: "Asking", entity: str, names: list[str] | None = None
) -> list[ProvenanceNode] | None:
    """The claims about an entity of the own organization."""
    _, id = entity_of(entity)
    found = await provenance_of(asking.sql, asking.viewer.organization_id, id, names or ())
    if found is None:
        return None
    return [
        ProvenanceNode(
            field=one.field,
            claims=[
                ClaimNode(
                    source=claim.source,
                    value=None if claim.value is None else JSON(claim.value),
                    confidence=claim.confidence,
                    recorded_at=claim.recorded_at,
                    actor=claim.actor,
                    locked=claim.locked,
                )
                for claim in one.claims
            ],
        )
        for one in found
    ]


TYPES_BY_NAME: dict[str, Any] = {"ProvenanceNode": ProvenanceNode}
ROOTS: dict[str, tuple[Served, str, str]] = {
    "provenance": (
        Served(
            provenance,
            {"entity": strawberry.ID, "names": list[str] | None},
            Scope.CATALOG_READ,
            points=5,
        ),
        "list[ProvenanceNode] | None",
        "Who says what of each field of an entity of the own organization; null where it has none such. "
        "names: of some fields; `features.` stands for every figure of the sound.",
    ),
}
