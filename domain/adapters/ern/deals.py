"""Reading deals: the terms stand beside each other (ERN 4) or inside Usage (ERN 3)."""

from domain.adapters.ern.common import (
    money,
    period_of,
    term,
    terms,
    when_of,
    whens,
    where_block,
    whole,
    whole_extras,
    words,
    yes,
)
from domain.adapters.ern.node import Node
from domain.adapters.ern.parties import Parties
from domain.deliveries.message import Deal, Price, Usage, Visibility
from domain.deliveries.parts import Term, When

_INSTANTS = tuple(
    (f"{name}{suffix}", kind)
    for name, kind in (
        ("ReleaseDisplayStartDate", "release_display"),
        ("TrackListingPreviewStartDate", "track_listing_preview"),
        ("FullTrackListingPreviewStartDate", "track_listing_preview"),
        ("CoverArtPreviewStartDate", "cover_art_preview"),
        ("ClipPreviewStartDate", "clip_preview"),
        ("PreOrderReleaseDate", "pre_order_release"),
        ("PreOrderPreviewDate", "pre_order_preview"),
    )
    for suffix in ("", "Time")
)
_PHYSICAL = ("PhysicalReturns", "NumberOfProductsPerCarton")


def deals_of(node: Node, parties: Parties) -> tuple[tuple[Deal, ...], tuple[Visibility, ...]]:
    """Every deal of a DealList, with the releases it stands for; and the visibilities beside them."""
    deals: list[Deal] = []
    for group in node.all("ReleaseDeal"):
        releases = group.values("DealReleaseReference")
        since = group.one("EffectiveDate")
        effective = when_of(since, "effective") if since is not None and since.text else None
        deals.extend(_deal_of(child, releases, effective, parties) for child in group.all("Deal"))
    visible = [_visibility_of(child, tracks=False) for child in node.all("ReleaseVisibility")]
    visible += [_visibility_of(child, tracks=True) for child in node.all("TrackReleaseVisibility")]
    return tuple(deals), tuple(visible)


def _deal_of(node: Node, releases: tuple[str, ...], effective: When | None, parties: Parties) -> Deal:
    terms_node = node.one("DealTerms") or Node("DealTerms", "", node.line, node, 1)
    usages = tuple(_usage_of(child) for child in terms_node.all("Usage"))
    direct = _usage_of(terms_node, inside=False)
    if direct.uses or direct.interfaces or direct.carriers or direct.number is not None or direct.extras:
        usages = (*usages, direct)
    resource_usages = tuple(
        (child.values("DealResourceReference"), tuple(_usage_of(use) for use in child.all("Usage")))
        for child in node.all("ResourceUsage")
    )
    physical = tuple(name for name in _PHYSICAL if name in terms_node.children)
    return Deal(
        releases=releases,
        references=node.values("DealReference"),
        where=where_block(terms_node),
        models=terms(terms_node.all("CommercialModelType")),
        usages=usages,
        periods=tuple(period_of(child) for child in terms_node.all("ValidityPeriod")),
        channels=_channels(terms_node, "DistributionChannel", parties),
        excluded_channels=_channels(terms_node, "ExcludedDistributionChannel", parties),
        prices=tuple(_price_of(child) for child in terms_node.all("PriceInformation")),
        instants=whens(terms_node, _INSTANTS),
        takedown=bool(yes(terms_node.value("TakeDown"))),
        all_cancelled=bool(yes(terms_node.value("AllDealsCancelled"))),
        pre_order=yes(terms_node.value("IsPreOrderDeal")),
        exclusive=yes(terms_node.value("IsExclusive")),
        promotional=yes(terms_node.value("IsPromotional")),
        promotional_code=terms_node.value("PromotionalCode"),
        out_of_band=yes(node.value("IsCommunicatedOutOfBand")),
        effective=effective,
        instant_gratification=_resources(terms_node, "InstantGratificationResourceList"),
        pre_order_incentives=_resources(terms_node, "PreOrderIncentiveResourceList"),
        resource_usages=resource_usages,
        physical_terms=physical,
        policies=whole_extras((*terms_node.all("RightsClaimPolicy"), *terms_node.all("WebPolicy"))),
        extras=(*terms_node.rest(), *node.rest()),
        line=node.line,
        path=node.path,
    )


def _channels(node: Node, name: str, parties: Parties) -> tuple[str, ...]:
    return tuple(parties.named(child, whole=True) for child in node.all(name))


def _resources(node: Node, name: str) -> tuple[str, ...]:
    listed = node.one(name)
    if listed is None:
        return ()
    references = listed.values("DealResourceReference")
    if listed.children:
        node.kept.append(listed.extra())
    return references


def _usage_of(node: Node, *, inside: bool = True) -> Usage:
    """A Usage (ERN 3), or the same elements standing directly in the terms (ERN 4)."""
    technical = whole_extras(node.all("TechnicalInstantiation"))
    return Usage(
        uses=terms(node.all("UseType")),
        interfaces=terms(node.all("UserInterfaceType")),
        channels=terms(node.all("DistributionChannelType")),
        carriers=terms(node.all("CarrierType")),
        number=whole(node.value("NumberOfUsages")),
        extras=(*technical, *node.rest()) if inside else technical,
        line=node.line,
        path=node.path,
    )


def _price_of(node: Node) -> Price:
    kind = node.attribute("PriceType")
    description = node.one("Description")
    own = (node.attribute("Namespace"), node.attribute("UserDefinedValue"))
    return Price(
        code=term(node.one("PriceCode") or node.one("PriceType")),
        range=term(node.one("PriceRangeType")),
        type=Term(value=kind, namespace=own[0], user_value=own[1]) if kind else None,
        wholesale=money(node.one("WholesalePricePerUnit")),
        bulk_wholesale=money(node.one("BulkOrderWholesalePricePerUnit")),
        retail=money(node.one("SuggestedRetailPrice")),
        description=words(description) if description is not None and description.text else None,
        line=node.line,
        path=node.path,
    )


def _visibility_of(node: Node, *, tracks: bool) -> Visibility:
    return Visibility(
        reference=node.value("VisibilityReference") or "",
        tracks=tracks,
        where=where_block(node),
        instants=whens(node, _INSTANTS),
        extras=node.rest(),
        line=node.line,
        path=node.path,
    )
