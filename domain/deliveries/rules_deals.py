"""Rules about deals: every release has one, periods run forwards, prices are said once."""

from collections.abc import Iterator
from datetime import UTC, datetime

from domain.deliveries.message import Message
from domain.deliveries.parts import When
from domain.deliveries.rule import Fault, rule

PHYSICAL_USE = "PurchaseAsPhysicalProduct"


def moment(when: When | None) -> datetime | None:
    """The instant a date begins, or the instant itself; dates without day begin with their year or month."""
    if when is None:
        return None
    if when.instant is not None:
        return when.instant
    if when.date is None:
        return None
    return datetime.fromisoformat((when.date + "-01-01")[:10]).replace(tzinfo=UTC)


@rule("release_without_deal", "warning")
def every_release_has_a_deal(message: Message) -> Iterator[Fault]:
    """Without a deal a release is not available anywhere: so it may be meant, but it is told.

    A track release without a deal is sold with its album only.
    """
    covered = {reference for deal in message.deals for reference in deal.releases}
    for release in message.releases:
        if covered.intersection(release.references or (release.reference,)):
            continue
        main = release.role == "main"
        yield Fault(
            f"{release.role} release {release.reference} has no deal: it is available nowhere",
            release,
            "add its deals, or leave it so to take it down",
            None if main else "info",
        )


@rule("deal_without_terms", "warning")
def every_deal_has_terms(message: Message) -> Iterator[Fault]:
    """A deal says what may be done, unless it is communicated elsewhere."""
    for deal in message.deals:
        if deal.out_of_band or deal.takedown or deal.all_cancelled:
            continue
        if not deal.usages and not deal.resource_usages and not deal.policies:
            yield Fault("the deal permits no use", deal, "name its UseType", "info")


@rule("period_reversed", "error")
def a_period_starts_before_it_ends(message: Message) -> Iterator[Fault]:
    """A deal is in force from its start until its end."""
    for deal in message.deals:
        for period in deal.periods:
            start, end = moment(period.start), moment(period.end)
            if start is not None and end is not None and end < start:
                yield Fault(
                    f"the deal ends {_given(period.end)} before it starts {_given(period.start)}",
                    period,
                    "exchange them; until then the deal is not in force",
                )


def _given(when: When | None) -> str:
    return when.given[:40] if when is not None else ""


@rule("price_twofold", "error")
def wholesale_price_and_price_type_stand_alone(message: Message) -> Iterator[Fault]:
    """A price is a code of a list, or an amount; never both."""
    for deal in message.deals:
        for price in deal.prices:
            if price.code is not None and (price.wholesale or price.bulk_wholesale):
                yield Fault(
                    f"the price is given as code {price.code.text} and as a wholesale amount",
                    price,
                    "give one of them",
                )
            for money in (price.wholesale, price.bulk_wholesale, price.retail):
                if money is not None and not money.currency:
                    yield Fault(
                        f"the amount {money.amount} has no currency",
                        price,
                        "add CurrencyCode",
                        code="price_without_currency",
                    )


@rule("physical_term_misplaced", "error")
def physical_terms_go_with_physical_products(message: Message) -> Iterator[Fault]:
    """Returns, cartons, carriers and bulk prices belong to PurchaseAsPhysicalProduct."""
    for deal in message.deals:
        if PHYSICAL_USE in deal.use_types or not deal.use_types:
            continue
        found = list(deal.physical_terms)
        found += ["CarrierType"] if any(usage.carriers for usage in deal.usages) else []
        found += ["BulkOrderWholesalePricePerUnit"] if any(p.bulk_wholesale for p in deal.prices) else []
        for name in found:
            yield Fault(
                f"{name} stands in a deal for {', '.join(deal.use_types)}",
                deal,
                f"leave it out, or name {PHYSICAL_USE}",
            )


@rule("preview_after_start", "warning")
def previews_are_not_after_the_start(message: Message) -> Iterator[Fault]:
    """What is shown in advance is shown before the deal starts."""
    for deal in message.deals:
        starts = [start for period in deal.periods if (start := moment(period.start)) is not None]
        for when in deal.instants:
            shown = moment(when)
            if starts and shown is not None and when.kind != "pre_order_release" and shown > min(starts):
                yield Fault(
                    f"{when.kind} {when.given[:40]} is after the start of the deal", when, "set it earlier"
                )


@rule("takedown_deprecated", "warning")
def takedowns_are_sent_without_a_deal(message: Message) -> Iterator[Fault]:
    """TakeDown and AllDealsCancelled are deprecated: the release is sent again without the deal."""
    for deal in message.deals:
        if deal.takedown or deal.all_cancelled:
            name = "TakeDown" if deal.takedown else "AllDealsCancelled"
            yield Fault(f"{name} is deprecated; it is obeyed", deal, "send the release without the deal")


@rule("effective_date_deprecated", "info")
def deals_have_no_effective_date(message: Message) -> Iterator[Fault]:
    """A deal's period says when it holds."""
    seen: set[int] = set()
    for deal in message.deals:
        if deal.effective is not None and deal.effective.line not in seen:
            seen.add(deal.effective.line)
            yield Fault(f"EffectiveDate {_given(deal.effective)} is not used", deal.effective, "leave it out")
