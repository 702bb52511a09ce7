"""The types of rights: deals."""

from datetime import datetime
from decimal import Decimal

from domain.access.scopes import Scope
from domain.rights.tables import Deal
from graph.bind import Page, column, graph_type, many
from graph.catalog import ContentFields, RecordingNode, ReleaseNode, TrackNode
from graph.filters import natural, orders
from graph.scalars import DPID, Territory

COVERED = "{t}.id in (select s.subject_id from deal_subject s where s.deal_id = {p}.id)"


@graph_type(
    of=Deal,
    scope=Scope.RIGHTS_READ,
    plural="deals",
    label="reference",
    filters={
        **natural("reference", "licensee_dpid"),
        "territory": (Territory, "{t}.territories && {v}"),
        "use_type": (str, "{t}.use_types && {v}"),
        "commercial_model": (str, "{t}.commercial_models && {v}"),
    },
    orders=orders(),
)
class DealNode(ContentFields):
    """Who may use what, where, how and when. Half-open: from validFrom up to but not including validUntil."""

    licensor_dpid: DPID | None = column()
    licensee_dpid: DPID | None = column()
    reference: str | None = column()
    territories: list[Territory] = column()
    included_territories: list[str] = column()
    excluded_territories: list[str] = column()
    commercial_models: list[str] = column()
    use_types: list[str] = column()
    distribution_channels: list[str] = column()
    valid_from: datetime | None = column()
    valid_until: datetime | None = column()
    pre_order_at: datetime | None = column()
    release_display_at: datetime | None = column()
    track_listing_display_at: datetime | None = column()
    cover_art_display_at: datetime | None = column()
    clip_preview_at: datetime | None = column()
    price_type: str | None = column()
    price_amount: Decimal | None = column()
    price_currency: str | None = column()
    is_takedown: bool = column()
    releases: list["ReleaseNode"] = many("Release", COVERED, "{t}.id")
    tracks: Page["TrackNode"] = many("Track", COVERED, "{t}.id", paged=True)
    recordings: Page["RecordingNode"] = many("Recording", COVERED, "{t}.id", paged=True)
