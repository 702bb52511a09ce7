"""The neutral message: what a sender said, in one shape, whichever version of ERN it was said in.

Nothing past the door knows versions. What has no field of its own is kept whole in `extras`, so the
message can be written again without loss.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.deliveries.parts import (
    EVERYWHERE,
    Advisory,
    Code,
    Credit,
    Edition,
    Extra,
    Genre,
    Item,
    Language,
    Marks,
    Party,
    RightsLine,
    Scoped,
    Technical,
    Term,
    Title,
    When,
    Where,
    Words,
    Work,
    WorkUse,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described(Item):
    """What resources and releases have in common."""

    reference: str
    types: tuple[Term, ...] = ()
    titles: tuple[Title, ...] = ()
    versions: tuple[Term, ...] = ()
    artist_names: tuple[Words, ...] = ()
    credits: tuple[Credit, ...] = ()
    labels: tuple[Words, ...] = ()
    genres: tuple[Genre, ...] = ()
    dates: tuple[When, ...] = ()
    advisories: tuple[Advisory, ...] = ()
    languages: tuple[Language, ...] = ()
    keywords: tuple[Words, ...] = ()
    synopses: tuple[Words, ...] = ()
    comments: tuple[Words, ...] = ()
    flags: tuple[tuple[str, bool], ...] = ()
    duration_ms: int | None = None
    language: str | None = None
    extras: tuple[Extra, ...] = ()

    @property
    def title(self) -> str | None:
        """The title to show: the default display title; of several, the one in the reference language."""
        reference = next((title for title in self.titles if title.kind == "reference"), None)
        wanted = reference.language if reference is not None else None
        for kind in ("display_text", "display", "reference", "formal"):
            of_kind = [title for title in self.titles if title.kind == kind and title.text]
            if of_kind:
                best = [title for title in of_kind if title.default] or of_kind
                by_language = (t for tag in (wanted, None) for t in best if t.language == tag)
                return next(by_language, best[0]).text
        return next((title.text for title in self.titles if title.text), None)

    def flag(self, name: str) -> bool | None:
        """A yes or no the sender gave, or None."""
        return next((value for flag, value in self.flags if flag == name), None)

    def credits_of(self, *kinds: str) -> tuple[Credit, ...]:
        """The credits of those kinds, in the order given."""
        return tuple(credit for credit in self.credits if credit.kind in kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(Described):
    """A sound recording, video, image, text, sheet music, software, midi or user-defined resource."""

    kind: str
    editions: tuple[Edition, ...] = ()
    works: tuple[WorkUse, ...] = ()
    contained: tuple[str, ...] = ()
    supplemental: bool | None = None

    @property
    def codes(self) -> tuple[Code, ...]:
        """The codes of all editions."""
        return tuple(code for edition in self.editions for code in edition.codes)

    @property
    def lines(self) -> tuple[RightsLine, ...]:
        """The P-, C- and courtesy lines of all editions."""
        return tuple(line for edition in self.editions for line in edition.lines)

    @property
    def technical(self) -> tuple[Technical, ...]:
        """The technical details of all editions."""
        return tuple(details for edition in self.editions for details in edition.technical)

    @property
    def all_credits(self) -> tuple[Credit, ...]:
        """The credits of the resource and of its editions."""
        return self.credits + tuple(credit for edition in self.editions for credit in edition.credits)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUse(Item):
    """A resource named by a release. type: PrimaryResource, SecondaryResource, or None where not said."""

    reference: str
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Item):
    """A resource linked to a place on a release, such as its cover. description: CoverArt, Lyrics …"""

    reference: str
    description: str | None = None
    namespace: str | None = None
    user_value: str | None = None
    marks: Marks = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Item):
    """A place in a group: the resource that stands there."""

    resource: str | None = None
    type: str | None = None
    sequence: int | None = None
    sub_sequence: int | None = None
    display_sequence: str | None = None
    no_display_sequence: bool | None = None
    resource_types: tuple[Term, ...] = ()
    links: tuple[Link, ...] = ()
    release: str | None = None
    codes: tuple[Code, ...] = ()
    duration_ms: int | None = None
    flags: tuple[tuple[str, bool], ...] = ()
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Scoped):
    """A part of a release: a side, a disc, a multi-work part; groups nest. The top one is the release."""

    type: str | None = None
    titles: tuple[Title, ...] = ()
    sequence: int | None = None
    display_sequence: str | None = None
    no_display_sequence: bool | None = None
    credits: tuple[Credit, ...] = ()
    carriers: tuple[Term, ...] = ()
    duration_ms: int | None = None
    places: tuple[Place, ...] = ()
    groups: tuple["Group", ...] = ()
    links: tuple[Link, ...] = ()
    release: str | None = None
    codes: tuple[Code, ...] = ()
    extras: tuple[Extra, ...] = ()

    def every_place(self) -> Iterator[Place]:
        """The places of the group and of all groups in it, in order."""
        for group in self.groups:
            yield from group.every_place()
        yield from self.places

    def every_link(self) -> Iterator[Link]:
        """The links of the group, its places and all groups in it."""
        yield from self.links
        for place in self.places:
            yield from place.links
        for group in self.groups:
            yield from group.every_link()


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Described):
    """A product, or the track release of one resource. role: main, track, clip or other.

    inferred: the sender did not mark it as the main release; it is the only one that can be.
    """

    role: str
    inferred: bool = False
    references: tuple[str, ...] = ()
    codes: tuple[Code, ...] = ()
    lines: tuple[RightsLine, ...] = ()
    resources: tuple[ResourceUse, ...] = ()
    links: tuple[Link, ...] = ()
    groups: tuple[Group, ...] = ()
    visibilities: tuple[str, ...] = ()

    def code(self, scheme: str) -> str | None:
        """The first code of that scheme that is not marked as replaced."""
        return next((c.value for c in self.codes if c.scheme == scheme and not c.replaced), None)

    def every_place(self) -> Iterator[Place]:
        """The places of all groups, in order."""
        for group in self.groups:
            yield from group.every_place()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Item):
    """What may be done: use types, with the interfaces, channels and carriers they hold for."""

    uses: tuple[Term, ...] = ()
    interfaces: tuple[Term, ...] = ()
    channels: tuple[Term, ...] = ()
    carriers: tuple[Term, ...] = ()
    number: int | None = None
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Period(Item):
    """From when until when; either end may be open."""

    start: When | None = None
    end: When | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in a currency (ISO 4217)."""

    amount: Decimal
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Item):
    """What it costs: by a code of the sender's list, or in money."""

    code: Term | None = None
    range: Term | None = None
    type: Term | None = None
    wholesale: Money | None = None
    bulk_wholesale: Money | None = None
    retail: Money | None = None
    description: Words | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal(Item):
    """One permission: which releases, where, how, when, at what price.

    instants: when something may be shown, by name (release_display, track_listing_preview,
    cover_art_preview, clip_preview, pre_order_release, pre_order_preview).
    """

    releases: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    where: Where = EVERYWHERE
    models: tuple[Term, ...] = ()
    usages: tuple[Usage, ...] = ()
    periods: tuple[Period, ...] = ()
    channels: tuple[str, ...] = ()
    excluded_channels: tuple[str, ...] = ()
    prices: tuple[Price, ...] = ()
    instants: tuple[When, ...] = ()
    takedown: bool = False
    all_cancelled: bool = False
    pre_order: bool | None = None
    exclusive: bool | None = None
    promotional: bool | None = None
    promotional_code: str | None = None
    out_of_band: bool | None = None
    effective: When | None = None
    instant_gratification: tuple[str, ...] = ()
    pre_order_incentives: tuple[str, ...] = ()
    resource_usages: tuple[tuple[tuple[str, ...], tuple[Usage, ...]], ...] = ()
    physical_terms: tuple[str, ...] = ()
    policies: tuple[Extra, ...] = ()
    extras: tuple[Extra, ...] = ()

    @property
    def use_types(self) -> tuple[str, ...]:
        """Every use type it permits, once each, in the order given."""
        return tuple(dict.fromkeys(term.text for usage in self.usages for term in usage.uses))


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility(Item):
    """When a release may be shown in some territories, referred to by releases (from ERN 4.3)."""

    reference: str
    tracks: bool
    where: Where = EVERYWHERE
    instants: tuple[When, ...] = ()
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention(Item):
    """A local reference. of: what it names (resource, release, party …); by: the element it stands in."""

    of: str
    reference: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Header(Item):
    """Who sent it to whom, when, and whether it is meant."""

    message_id: str
    sender: str
    created: datetime | None
    created_given: str = ""
    thread_id: str | None = None
    file_name: str | None = None
    sender_name: str | None = None
    on_behalf_of: str | None = None
    on_behalf_of_name: str | None = None
    recipients: tuple[tuple[str, str | None], ...] = ()
    test: bool = False
    control: str | None = None
    codes: tuple[Code, ...] = ()
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge(Item):
    """A release that is to be forgotten."""

    codes: tuple[Code, ...] = ()
    titles: tuple[Title, ...] = ()
    credits: tuple[Credit, ...] = ()
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Item):
    """One message of a sender. kind: new_release, purge_release or catalog_list."""

    kind: str
    namespace: str
    family: int
    header: Header
    profile: str | None = None
    profile_variant: str | None = None
    business_profile: str | None = None
    schema_version: str | None = None
    avs_version: str | None = None
    language: str | None = None
    update_indicator: str | None = None
    backfill: bool | None = None
    parties: tuple[Party, ...] = ()
    works: tuple[Work, ...] = ()
    resources: tuple[Resource, ...] = ()
    releases: tuple[Release, ...] = ()
    deals: tuple[Deal, ...] = ()
    visibilities: tuple[Visibility, ...] = ()
    purge: Purge | None = None
    anchors: tuple[Mention, ...] = ()
    mentions: tuple[Mention, ...] = ()
    terms: tuple[Term, ...] = ()
    empty: tuple[Item, ...] = ()
    extras: tuple[Extra, ...] = ()

    def of_kind(self, kind: str) -> tuple[Resource, ...]:
        """The resources of one kind, in the order given."""
        return tuple(resource for resource in self.resources if resource.kind == kind)

    @property
    def main_releases(self) -> tuple[Release, ...]:
        """The releases that are the message's subject: one, where the rules are kept."""
        return tuple(release for release in self.releases if release.role == "main")

    def party(self, reference: str | None) -> Party | None:
        """The party of that reference."""
        return next((party for party in self.parties if party.reference == reference), None)

    def resource(self, reference: str | None) -> Resource | None:
        """The resource of that reference."""
        return next((resource for resource in self.resources if resource.reference == reference), None)


def to_json(value: Any, *, places: bool = True) -> Any:
    """The value as JSON: objects without what is empty or goes without saying, instants in ISO 8601.

    places: with the lines and paths it was read from; without them, equal statements are equal JSON.
    """
    kind = value.__class__
    if kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        return [to_json(part, places=places) for part in value]
    plan = _plans.get((kind, places))
    if plan is not None:
        return _object(value, plan, places)
    if is_dataclass(value) and not isinstance(value, type):
        plan = tuple((f.name, f.default) for f in fields(value) if places or f.compare)
        _plans[kind, places] = plan
        return _object(value, plan, places)
    if kind is datetime:
        return value.isoformat()
    return str(value) if kind is Decimal else value


_PLAIN = frozenset({str, int, bool, float, type(None)})
# Of each class, the fields to write and what they hold when nothing was said.
_plans: dict[tuple[type, bool], tuple[tuple[str, Any], ...]] = {}
_EMPTY: tuple[Any, ...] = (None, "", (), [])


def _object(value: Any, plan: tuple[tuple[str, Any], ...], places: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, default in plan:
        part = getattr(value, name)
        if part is default or part == default or part in _EMPTY:
            continue
        made[name] = part if part.__class__ in _PLAIN else to_json(part, places=places)
    return made
