"""What a read costs, from the plan that is going to run: objects 1, pages by their size.

Values are free, but for those that take arguments: they are worked out from other rows and cost 1.

Price and work can't drift apart, because they are made from the same tree.
"""

from graph.plan import (
    EdgePart,
    Leaf,
    Listing,
    Lookup,
    ObjectPlan,
    PageRead,
    ReadPlan,
    ServedRead,
    Single,
    Through,
)

# A whole list is short by nature; it is priced as this many rows.
LIST_ROWS = 10
# The whole schema is 400 KB of answer.
DESCRIBED = 100


def price(plan: ReadPlan) -> int:
    """The points of a whole operation, without the things that are asked for by a list of ids."""
    return max(1, sum(_root(root) for root in plan.roots))


def payload_price(plan: ObjectPlan) -> int:
    """The points of one thing that a command gives, under its selection."""
    return 1 + _object(plan)


def _root(root: object) -> int:
    if isinstance(root, ServedRead):
        return DESCRIBED if root.describes else root.points
    if isinstance(root, Lookup):
        return 1 if root.many else 1 + _object(root.object)
    if isinstance(root, Through):
        return 1 + _part(root.field)
    return _page(root) if isinstance(root, PageRead) else 0


def _object(plan: ObjectPlan) -> int:
    """The dearest of the types a row may be of."""
    return max((sum(_part(part) for part in parts) for parts in plan.types.values()), default=0)


def _part(part: object) -> int:
    if isinstance(part, Single):
        made = part.binding.made
        if made is not None:
            # Its lists are as long as was asked for.
            lists = -(-made.places(part.arguments) // LIST_ROWS)
            return made.points + lists * _object(part.object)
        return 1 + _object(part.object)
    if isinstance(part, Listing):
        return LIST_ROWS * (1 + _object(part.object))
    if isinstance(part, Leaf):
        return 0 if part.slot is None else 1
    return _page(part) if isinstance(part, PageRead) else 0


def _page(page: PageRead) -> int:
    """A row for each place, as often as it is told; counting all rows costs as much as reading a page."""
    told = counted = 0
    for part in page.parts:
        if part.object is not None:
            told += 1 + _object(part.object)
        for inner in part.parts:
            if isinstance(inner, EdgePart) and inner.object is not None:
                told += 1 + _object(inner.object)
        counted += part.what == "totalCount"
    return 1 + page.size * (max(1, told) + counted)


def each_of(plan: ReadPlan) -> tuple[tuple[int, int], ...]:
    """Where several things are asked for by their ids: the slot of the ids, and the points of each thing."""
    return tuple(
        (root.slot, 1 + _object(root.object)) for root in plan.roots if isinstance(root, Lookup) and root.many
    )
