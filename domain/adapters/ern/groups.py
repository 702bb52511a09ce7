"""Reading resource groups: what stands where on a release."""

from collections.abc import Callable

from domain.adapters.ern.common import all_codes, flags_of, length_of, terms, whole, yes
from domain.adapters.ern.node import Node
from domain.deliveries.message import Group, Link, Place
from domain.deliveries.parts import EVERYWHERE, Credit, Title, Where

_FLAGS = (
    "IsHiddenResource",
    "IsBonusResource",
    "IsInstantGratificationResource",
    "IsPreOrderIncentiveResource",
)
Titles = Callable[[Node], tuple[Title, ...]]
Credits = Callable[[Node], tuple[Credit, ...]]


def group_of(
    node: Node, titles: Titles, credits: Credits, where: Where = EVERYWHERE, *, default: bool = False
) -> Group:
    """A group with its places and the groups inside it."""
    places = [_place_of(child) for child in node.all("ResourceGroupContentItem")]
    listed = node.one("ResourceGroupResourceReferenceList")
    if listed is not None:
        places += [
            Place(resource=child.text, line=child.line, path=child.path)
            for child in listed.all("ResourceGroupResourceReference")
        ]
    return Group(
        type=node.attribute("ResourceGroupType"),
        titles=titles(node),
        sequence=whole(node.value("SequenceNumber")),
        display_sequence=node.value("DisplaySequence"),
        no_display_sequence=yes(node.value("NoDisplaySequence")),
        credits=credits(node),
        carriers=terms(node.all("CarrierType")),
        duration_ms=length_of(node),
        places=tuple(places),
        groups=tuple(
            group_of(child, titles, credits, where, default=default) for child in node.all("ResourceGroup")
        ),
        links=links_of(node),
        release=node.value("ResourceGroupReleaseReference"),
        codes=all_codes(node.all("ReleaseId")),
        extras=node.rest(),
        where=where,
        default=default,
        line=node.line,
        path=node.path,
    )


def _place_of(node: Node) -> Place:
    resource = node.one("ReleaseResourceReference")
    return Place(
        resource=(resource.text or None) if resource is not None else None,
        type=resource.attribute("ReleaseResourceType") if resource is not None else None,
        sequence=whole(node.value("SequenceNumber")),
        sub_sequence=whole(node.value("SequenceSubNumber")),
        display_sequence=node.value("DisplaySequence"),
        no_display_sequence=yes(node.value("NoDisplaySequence")),
        resource_types=terms(node.all("ResourceType")),
        links=links_of(node),
        release=node.value("ResourceGroupContentItemReleaseReference"),
        codes=all_codes(node.all("ReleaseId")),
        duration_ms=length_of(node),
        flags=flags_of(node, _FLAGS),
        extras=node.rest(),
        line=node.line,
        path=node.path,
    )


def links_of(node: Node) -> tuple[Link, ...]:
    """The resources linked to a place, such as its cover."""
    return tuple(
        Link(
            reference=child.text,
            description=child.attribute("LinkDescription"),
            namespace=child.attribute("Namespace"),
            user_value=child.attribute("UserDefinedValue"),
            marks=child.marks(),
            line=child.line,
            path=child.path,
        )
        for child in node.all("LinkedReleaseResourceReference")
        if child.text
    )
