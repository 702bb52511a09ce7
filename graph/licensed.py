"""Root pages and counts of what only deals open, found from the deals on.

Walking a table in the page's order and asking of each row whether a deal opens it is quick where most are
opened, and endless where few are. So the rows that deals may open are gathered first, up to a limit: few are
put in order, and of many the walk meets enough, licensor by licensor.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from domain.access.policy import Licence

if TYPE_CHECKING:
    from graph.sql import Writer

# From so many rows that deals may open, they are looked for in the order of the page.
MANY_LICENSED = 1_000

# From a row rule and a further condition to the rows of a page that meet both.
Select: TypeAlias = Callable[[str, str], str]


def licensed_rows(
    writer: "Writer", opened: Licence, alias: str, select: Select, keyset: str, end: str
) -> str:
    """The rows that only deals open, as far as a page goes."""
    few, owner = writer.alias(), writer.alias()
    candidates = writer.rule(opened.candidates, alias, most=str(MANY_LICENSED + 1))
    row = writer.rule(f"{opened.closed} and {opened.row}", alias)
    number = f"(select count(*) from {few})"
    gathered = select(f"{row} and {alias}.id in (select {few}.id from {few})", keyset)
    walked = select(f"{alias}.owner_id = {owner}.id and {row}", keyset)
    return (
        f"with {few} as materialized ({candidates}) "
        f"select {alias}.* from (({gathered} and {number} <= {MANY_LICENSED} {end}) union all "
        f"(select {alias}.* from unnest({writer.rule(opened.owners, alias)}) {owner} (id) "
        f"cross join lateral ({walked} {end}) {alias} where {number} > {MANY_LICENSED})) {alias} "
        f"where {writer.rule(opened.worth, alias)} {end}"
    )


def count(writer: "Writer", opened: Licence, alias: str, select: Select, there: str) -> str:
    """How many rows there are: those that need no deal, and those of others that one opens."""
    free = select(writer.rule(f"({opened.open}) and {there}", alias), "")
    candidates = writer.rule(opened.candidates, alias, most="null")
    row = writer.rule(f"{opened.closed} and {opened.row}", alias)
    licensed = select(f"{row} and {alias}.id in ({candidates})", "")
    return (
        f"select (select count(*) from ({free}) {alias}) + case when {writer.rule(opened.worth, alias)} "
        f"then (select count(*) from ({licensed}) {alias}) else 0 end"
    )
