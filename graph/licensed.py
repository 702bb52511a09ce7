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
MANY_LICENSED = 10_000
# Where many ways lead to a row, each look costs more, and the same row is gathered often.
MANY_WAYS = 3
_BY_MANY_WAYS = ("artist", "work", "image", "credit")

# From a row rule and a further condition to the rows of a page that meet both.
Select: TypeAlias = Callable[[str, str], str]


def licensed_rows(
    writer: "Writer",
    opened: Licence,
    kind: str,
    alias: str,
    select: Select,
    keyset: str,
    order: str,
    limit: int,
) -> str:
    """The rows that only deals open, as far as a page goes."""
    few, owner, end = writer.alias(), writer.alias(), f"order by {order} limit {limit}"
    most = MANY_LICENSED * (MANY_WAYS if kind in _BY_MANY_WAYS else 1)
    candidates = writer.rule(opened.candidates, alias, most=str(most + 1))
    closed, row = writer.rule(opened.closed, alias), writer.rule(opened.row, alias)
    number = f"(select count(*) from {few})"
    # Put in order first, so that no more are judged than the page has. `all`: whole rows, as a judge needs.
    gathered = select(f"{closed} and {alias}.id in (select {few}.id from {few})", keyset)
    gathered = gathered.replace(f"select {alias}.*", f"select all {alias}.*", 1)
    walked = select(f"{alias}.owner_id = {owner}.id and {closed} and {row}", keyset)
    return (
        f"with {few} as materialized ({candidates}) "
        f"select {alias}.* from ((select {alias}.* from ({gathered} order by {order} offset 0) {alias} "
        f"where {row} and {number} <= {most} {end}) union all "
        f"(select {alias}.* from unnest({writer.rule(opened.owners, alias)}) {owner} (id) "
        f"cross join lateral ({walked} {end}) {alias} where {number} > {most})) {alias} "
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
