"""Rules about single values: codes, dates, territories, empty elements, the sender's own values."""

import re
from collections.abc import Iterable, Iterator

from domain.codes import CODES
from domain.deliveries.message import Message
from domain.deliveries.parts import Code, Extra, Item, Where, Words
from domain.deliveries.parts import Title as TitleSaid
from domain.deliveries.rule import Fault, rule
from domain.rights.territory import is_known

BOTH = ("new_release", "purge_release")
_PROFILE = re.compile(r"CommonReleaseTypesTypes/|CommonReleaseTypes/1[0-3]/")
# Elements whose value something stands on: empty, they say nothing where data is needed.
_NEEDED = frozenset({"ISRC", "ICPN", "GRid", "ISWC", "TitleText", "FullName", "PartyId", "MessageId"})
_SHARES = frozenset({"RightSharePercentage", "PercentageOfRightsAssignment"})


@rule("empty_element", "warning", kinds=BOTH)
def no_element_is_empty(message: Message) -> Iterator[Fault]:
    """A tag that is there says something."""
    for item in message.empty:
        name = item.path.rsplit("/", 1)[-1].split("[")[0]
        yield Fault(
            f"{name} is empty",
            item,
            "give its value, or leave the element out",
            "error" if name in _NEEDED else None,
        )


def _codes(message: Message) -> Iterator[Code]:
    yield from message.header.codes
    for release in message.releases:
        yield from release.codes
    for resource in message.resources:
        yield from resource.codes
        for use in resource.works:
            yield from use.codes
    for work in message.works:
        yield from work.codes
    for party in message.parties:
        yield from party.codes
    if message.purge is not None:
        yield from message.purge.codes


@rule("code_malformed", "error", kinds=BOTH)
def every_code_has_its_form(message: Message) -> Iterator[Fault]:
    """Codes are written as their standard says."""
    for code in _codes(message):
        grammar = CODES.get(code.scheme)
        if grammar is not None and not grammar.has_form(code.value):
            yield Fault(
                f"{_short(code.value)} is no {grammar.scheme}",
                code,
                f"{grammar.scheme}: {grammar.form}",
                code=f"{code.scheme}_malformed",
            )


@rule("check_failed", "warning", kinds=BOTH)
def every_check_character_holds(message: Message) -> Iterator[Fault]:
    """A code with a wrong check character is probably mistyped, or a placeholder."""
    for code in _codes(message):
        grammar = CODES.get(code.scheme)
        if grammar is None or not grammar.has_form(code.value) or grammar.holds(code.value):
            continue
        yield Fault(
            f"the check character of {grammar.scheme} {code.value} is wrong",
            code,
            "compare it with the source; it is taken as given",
            code=f"{code.scheme}_check_failed",
        )


@rule("user_value_incomplete", "error", kinds=BOTH)
def own_values_have_a_namespace(message: Message) -> Iterator[Fault]:
    """UserDefined comes with the value meant and whose it is; no other value does."""
    for term in message.terms:
        if term.value != "UserDefined":
            yield Fault(
                f"{_short(term.value)} stands beside UserDefinedValue {_short(term.user_value or '')}",
                term,
                "write UserDefined as the value, or drop UserDefinedValue",
                code="user_value_unexpected",
            )
        elif not term.user_value or not term.namespace:
            missing = "UserDefinedValue" if not term.user_value else "Namespace"
            yield Fault(f"UserDefined without {missing}", term, f"add the attribute {missing}")


@rule("message_date_missing", "fatal", kinds=BOTH)
def the_message_says_when_it_was_made(message: Message) -> Iterator[Fault]:
    """Messages are put in order by the instant they were made."""
    header = message.header
    if header.created is None:
        given = f"{_short(header.created_given)!r} is no instant" if header.created_given else "it is missing"
        yield Fault(f"MessageCreatedDateTime: {given}", header, "give it as 2026-11-21T14:30:00+00:00")
    elif header.created_given and not re.search(r"(Z|[+-]\d\d:\d\d)$", header.created_given):
        yield Fault(
            f"MessageCreatedDateTime {header.created_given} names no time zone; it is taken to be UTC",
            header,
            "add the zone",
            "info",
            "instant_without_zone",
        )


@rule("sender_missing", "error", kinds=BOTH)
def the_sender_is_named(message: Message) -> Iterator[Fault]:
    """A message is somebody's statement."""
    if not message.header.sender:
        yield Fault("MessageSender has no PartyId", message.header, "give the sender's DPID")


@rule("test_message", "info", kinds=BOTH)
def a_test_message_is_told(message: Message) -> Iterator[Fault]:
    """A message under test is not meant for the public."""
    if message.header.test:
        yield Fault("MessageControlType is TestMessage", message.header)


@rule("profile_misspelled", "info")
def the_profile_is_current(message: Message) -> Iterator[Fault]:
    """Release profiles of ERN 3 are CommonReleaseTypes/14/…; older numbers and a misspelling are in use."""
    if message.profile and _PROFILE.search(message.profile):
        name = message.profile.rsplit("/", 1)[-1]
        yield Fault(
            f"the release profile is written {message.profile}",
            message,
            f"write CommonReleaseTypes/14/{name}",
        )


@rule("update_indicator_deprecated", "info")
def no_update_indicator_is_sent(message: Message) -> Iterator[Fault]:
    """Whether a release is new is decided by looking it up."""
    if message.update_indicator:
        yield Fault(f"UpdateIndicator {message.update_indicator} is not used", message, "leave it out")


@rule("date_unreadable", "error")
def every_date_exists(message: Message) -> Iterator[Fault]:
    """Dates name days of the calendar."""
    dates = [when for item in (*message.resources, *message.releases) for when in item.dates]
    for deal in message.deals:
        dates += deal.instants
        dates += [end for period in deal.periods for end in (period.start, period.end) if end is not None]
    for visibility in message.visibilities:
        dates += visibility.instants
    for when in dates:
        if when.date is None and when.instant is None:
            yield Fault(f"{_short(when.given)} is no date", when, "give YYYY, YYYY-MM or YYYY-MM-DD")


@rule("territory_unknown", "error")
def every_territory_is_known(message: Message) -> Iterator[Fault]:
    """Territories are of ISO's, DDEX's or CISAC's lists, and are included or excluded, not both."""
    for item, where in _scopes(message):
        for code in (*where.included, *where.excluded):
            if not is_known(code):
                yield Fault(
                    f"{_short(code)} is no territory",
                    item,
                    "give ISO 3166-1 alpha-2 or Worldwide",
                )
        if where.included and where.excluded:
            yield Fault(
                "territories are both included and excluded",
                item,
                "name those included, or those left out of the world",
                code="territory_twofold",
            )


def _scopes(message: Message) -> Iterator[tuple[Item, Where]]:
    for deal in message.deals:
        yield deal, deal.where
    for visibility in message.visibilities:
        yield visibility, visibility.where
    seen: set[Where] = set()
    for item in (*message.resources, *message.releases):
        for scoped in (*item.titles, *item.artist_names, *item.credits, *item.genres, *item.dates):
            if scoped.where not in seen:
                seen.add(scoped.where)
                yield scoped, scoped.where


@rule("default_repeated", "warning")
def one_value_of_a_set_is_the_default(message: Message) -> Iterator[Fault]:
    """IsDefault stands once for each kind of value (ERN 4)."""
    if message.family != 4:
        return
    for item in (*message.resources, *message.releases):
        yield from _defaults(item.reference, item.titles)
        yield from _defaults(item.reference, item.artist_names)


def _defaults(reference: str, values: Iterable[TitleSaid] | Iterable[Words]) -> Iterator[Fault]:
    seen: set[str | None] = set()
    for value in values:
        if value.default and value.kind in seen:
            yield Fault(f"{reference} has more than one default {value.kind or 'artist name'}", value)
        if value.default:
            seen.add(value.kind)


@rule("share_out_of_range", "error")
def every_share_is_a_percentage(message: Message) -> Iterator[Fault]:
    """Shares of rights lie between 0 and 100."""
    holders = [(r, r.extras) for r in message.resources] + [(w, w.extras) for w in message.works]
    for item, extras in holders:
        for share in _shares(extras):
            try:
                outside = not 0 <= float(share.text) <= 100
            except ValueError:
                outside = True
            if outside:
                yield Fault(f"{share.name} is {_short(share.text)}", item, "give a number from 0 to 100")


def _shares(extras: Iterable[Extra]) -> Iterator[Extra]:
    for extra in extras:
        if extra.name in _SHARES:
            yield extra
        yield from _shares(extra.children)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
