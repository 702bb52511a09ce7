"""Which rows a viewer may see: one predicate a table, written into every statement that reads it.

Predicates are SQL over {t}, the table's alias, and {viewer}, a parameter that holds the viewer's
organization. What may not be seen is not found. A root page reads the branches one by one, which is
three times as fast as their `or`; nested rows take the `or`.
"""

from dataclasses import dataclass

from domain.kinds import KINDS

_OWN = "{t}.owner_id = {viewer}"
_PUBLIC = "{t}.visibility = 'public'"
_THERE = "{t}.status <> 'deleted'"


@dataclass(frozen=True)
class Policy:
    """The rows of a table that a viewer may see.

    branches: conditions, each with an index of its own; the rows are their union. They may overlap: were
    own rows left out of the public ones, a page would read past all of them in search of others'.
    """

    branches: tuple[str, ...]

    @property
    def anyhow(self) -> str:
        """The branches in one condition."""
        if len(self.branches) == 1:
            return self.branches[0]
        return "(" + " or ".join(f"({branch})" for branch in self.branches) + ")"


CATALOG = Policy(
    (f"{_OWN} and {_THERE}", f"{_PUBLIC} and {_THERE}"),
)
# Nested rows: the same set, with what the branches share said once.
CATALOG_NESTED = f"({_OWN} or {_PUBLIC}) and {_THERE}"
OWN_CONTENT = Policy((f"{_OWN} and {_THERE}",))
OWN = Policy((_OWN,))
# Values of a row that was itself found visible.
WITH_PARENT = Policy(("true",))
_VALUES = (
    "title",
    "identifier",
    "annotation",
    "artist_credit",
    "artist_credit_name",
    "medium",
    "work_writer",
    "chapter",
)

POLICIES: dict[str, Policy] = {
    **{kind: CATALOG for kind in KINDS if kind != "deal"},
    "deal": OWN_CONTENT,
    "delivery": OWN,
    "finding": Policy(
        ("exists (select from delivery d where d.id = {t}.delivery_id and d.owner_id = {viewer})",)
    ),
    "job": OWN,
    "change_set": OWN,
    "change": OWN,
    "source_record": OWN,
    # What was measured of a recording is seen by whoever sees the recording, also through its tracks.
    "audio_feature": Policy(
        (
            "exists (select from recording r where r.id = {t}.recording_id and "
            f"{CATALOG_NESTED.replace('{t}', 'r')})",
        )
    ),
    "organization": Policy(("{t}.id = {viewer}",)),
    **dict.fromkeys(_VALUES, WITH_PARENT),
}


def nested(table: str) -> str:
    """The predicate for rows reached from a row that was found."""
    policy = POLICIES[table]
    return CATALOG_NESTED if policy is CATALOG else policy.anyhow


def branches(table: str) -> tuple[str, ...]:
    """The predicates whose union a root page reads."""
    return POLICIES[table].branches
