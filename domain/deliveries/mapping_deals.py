"""Deals of a message as claims: one row for each period and recipient, covering what its releases name."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.claims import Draft
from domain.codes import DPID
from domain.deliveries.mapping_values import annotation, iso, plain, sorted_json
from domain.deliveries.message import Deal, Message, Money, Period, Usage
from domain.deliveries.parts import When, Where
from domain.deliveries.rules_deals import moment
from domain.rights.territory import expand_known, is_known

_LARGEST_AMOUNT = Decimal(10) ** 12
_INSTANTS = {
    "release_display": "release_display_at",
    "track_listing_preview": "track_listing_display_at",
    "cover_art_preview": "cover_art_display_at",
    "clip_preview": "clip_preview_at",
    "pre_order_preview": "pre_order_at",
}


@dataclass(frozen=True, slots=True)
class Covered:
    """What a release's deals cover: the release or track itself, and the visibilities it refers to."""

    subject: Mapping[str, str]
    visibilities: tuple[str, ...] = ()


def deal_drafts(
    message: Message,
    release_key: str,
    covered: Mapping[str, Covered],
    recordings: Mapping[str, Mapping[str, str]],
) -> Iterator[Draft]:
    """The deals that cover something of this release, once each.

    covered: release reference → what it covers. recordings: resource reference → recording or video.
    A deal has no identity but its terms, so its key is made of them: said again, it is the same deal.
    """
    seen: set[str] = set()
    for deal in message.deals:
        named = [covered[reference] for reference in deal.releases if reference in covered]
        if not named:
            continue
        for fields in _rows(message, deal, named, recordings):
            digest = hashlib.sha256(sorted_json(fields)).hexdigest()[:24]
            if digest not in seen:
                seen.add(digest)
                yield Draft("deal", f"{release_key}/{digest}", fields)


def _rows(
    message: Message,
    deal: Deal,
    named: Sequence[Covered],
    recordings: Mapping[str, Mapping[str, str]],
) -> Iterator[dict[str, Any]]:
    subjects = [{"subject_id": dict(one.subject)} for one in named]
    narrower = [
        ([{"subject_id": dict(recordings[ref])} for ref in references if ref in recordings], usages)
        for references, usages in deal.resource_usages
    ]
    scopes = [(subjects, deal.usages)] if deal.usages or not narrower else []
    scopes += [(only or subjects, usages) for only, usages in narrower]
    common = _terms(message, deal, named)
    for licensee in _licensees(message):
        for period in deal.periods or (Period(),):
            for covers, usages in scopes:
                yield {
                    **common,
                    **_validity(period, deal),
                    "licensee_dpid": licensee,
                    "use_types": _uses(usages),
                    "subjects": covers,
                    "annotations": annotation(_rest(message, deal, period, usages)),
                }


def _terms(message: Message, deal: Deal, named: Sequence[Covered]) -> dict[str, Any]:
    header = message.header
    licensor = header.on_behalf_of or header.sender
    included, excluded = _territories(deal.where)
    return {
        "licensor_dpid": DPID.normal(licensor) if DPID.has_form(licensor) else None,
        "reference": deal.references[0] if deal.references else None,
        "included_territories": included,
        "excluded_territories": excluded,
        "commercial_models": list(dict.fromkeys(term.text for term in deal.models)),
        "distribution_channels": [_party(message, reference) for reference in deal.channels],
        "is_takedown": deal.takedown or deal.all_cancelled,
        **_price(deal),
        **_shown(message, deal, named),
    }


def _territories(where: Where) -> tuple[list[str], list[str]]:
    """The codes that are known, in a deal's own way of saying it."""
    included = [code for code in where.included if is_known(code)]
    return included, [code for code in where.excluded if is_known(code)]


def nowhere(deal: Deal) -> bool:
    """Whether a deal names territories, but none that is known: then it permits nothing."""
    return bool(deal.where.included) and not any(map(is_known, deal.where.included))


def _uses(usages: Sequence[Usage]) -> list[str]:
    return list(dict.fromkeys(term.text for usage in usages for term in usage.uses))


def _licensees(message: Message) -> tuple[str | None, ...]:
    """The recipients by DPID; a message to nobody known is a deal for everyone its sender sends it to."""
    known = [DPID.normal(code) for code, _ in message.header.recipients if DPID.has_form(code)]
    return tuple(dict.fromkeys(known)) or (None,)


def _validity(period: Period, deal: Deal) -> dict[str, Any]:
    """The period, half-open. One that ends before it starts is never in force: the deal stays a draft."""
    start, end = moment(period.start), _end(period.end)
    status = "draft" if nowhere(deal) else "active"
    if start is not None and end is not None and end <= start:
        status, end = "draft", None
    unreadable = (period.start is not None and start is None) or (period.end is not None and end is None)
    if unreadable and status == "active":
        status = "draft"
    fields = {"valid_from": iso(start), "valid_until": iso(end), "status": status}
    return fields | ({"pre_order_at": iso(start)} if deal.pre_order else {})


def _end(when: When | None) -> datetime | None:
    """The first instant after the period: an EndDate is its last day, an EndDateTime its end."""
    start = moment(when)
    if when is None or start is None or when.instant is not None or when.date is None:
        return start
    try:
        if len(when.date) == 10:
            return start + timedelta(days=1)
        if len(when.date) == 7:
            return (start + timedelta(days=32)).replace(day=1)
        return start.replace(year=start.year + 1)
    except (OverflowError, ValueError):
        # The last year of the calendar, as in 9999-12-31: as good as no end.
        return datetime.max.replace(microsecond=0, tzinfo=UTC)


def _price(deal: Deal) -> dict[str, Any]:
    """The first price: its code, and its amount (wholesale before retail)."""
    price = next(iter(deal.prices), None)
    if price is None:
        return {}
    amounts = (price.wholesale, price.bulk_wholesale, price.retail)
    amount: Money | None = next(
        (m for m in amounts if m is not None and abs(m.amount) < _LARGEST_AMOUNT), None
    )
    return {
        "price_type": price.code.text if price.code is not None else None,
        "price_amount": f"{amount.amount:f}" if amount is not None else None,
        "price_currency": amount.currency if amount is not None else None,
    }


def _shown(message: Message, deal: Deal, named: Sequence[Covered]) -> dict[str, Any]:
    """When something may be shown: as the deal says, or the visibilities its releases refer to."""
    said = list(deal.instants)
    wanted = {reference for one in named for reference in one.visibilities}
    countries = set(expand_known(deal.where.included, deal.where.excluded))
    for visibility in message.visibilities:
        if visibility.reference in wanted and countries <= set(
            expand_known(visibility.where.included, visibility.where.excluded)
        ):
            said += visibility.instants
    found: dict[str, Any] = {}
    for when in said:
        name = _INSTANTS.get(when.kind)
        at = moment(when)
        if name is not None and at is not None:
            found.setdefault(name, iso(at))
    return found


def _party(message: Message, reference: str) -> str:
    """A service by its DPID, else by its name."""
    party = message.party(reference)
    if party is None:
        return reference
    code = next((code.value for code in party.codes if code.scheme == "dpid"), None)
    return code or party.name


def _rest(message: Message, deal: Deal, period: Period, usages: Sequence[Usage]) -> dict[str, Any]:
    """What the columns of a deal do not hold."""
    unknown = [code for code in (*deal.where.included, *deal.where.excluded) if not is_known(code)]
    rich = any(u.interfaces or u.channels or u.carriers or u.extras or u.number is not None for u in usages)
    own = any(term.user_value for term in (*deal.models, *(t for u in usages for t in u.uses)))
    one_price = len(deal.prices) == 1 and not (deal.prices[0].range or deal.prices[0].description)
    dated = [w for w in (period.start, period.end) if w is not None and (w.date or not w.instant)]
    return {
        "references": list(deal.references[1:]),
        "unknown_territories": unknown,
        "models": plain(deal.models) if own else None,
        "usages": plain(usages) if rich or own else None,
        "period": plain(period) if dated else None,
        "instants": plain(deal.instants),
        "channels": [plain(message.party(reference)) for reference in deal.channels],
        "excluded_channels": [plain(message.party(reference)) for reference in deal.excluded_channels],
        "prices": plain(deal.prices) if deal.prices and not (one_price and _simple(deal)) else None,
        "all_cancelled": deal.all_cancelled or None,
        "exclusive": deal.exclusive,
        "promotional": deal.promotional,
        "promotional_code": deal.promotional_code,
        "out_of_band": deal.out_of_band,
        "pre_order": deal.pre_order,
        "effective": plain(deal.effective) if deal.effective is not None else None,
        "instant_gratification": list(deal.instant_gratification),
        "pre_order_incentives": list(deal.pre_order_incentives),
        "policies": plain(deal.policies),
        "extras": plain(deal.extras),
    }


def _simple(deal: Deal) -> bool:
    """Whether the columns hold all of the deal's one price."""
    price = deal.prices[0]
    amounts = [money for money in (price.wholesale, price.bulk_wholesale, price.retail) if money is not None]
    coded = price.code is not None and (price.code.namespace or price.code.user_value)
    return (
        not coded and price.type is None and not amounts[1:] and (not amounts or price.wholesale is not None)
    )
