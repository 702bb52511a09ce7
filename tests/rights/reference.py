"""The slow judge of availability: one country, one instant, one licensee, one use and one model at a time.

It shares no code with `domain.rights.availability`: no spans of time, no SQL, no expanded territories. It
asks each question anew from the rows as they were planted, and where a question leaves something open (any
use, any model, anybody) it tries every one there is.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import pycountry

from domain.rights.tis import FORMER, GROUPS

# What a use is a case of, from the definitions in the allowed value sets, said the other way round.
CASE_OF = {
    "OnDemandStream": {"Stream"},
    "NonInteractiveStream": {"Stream"},
    "TimeInfluencedStream": {"Stream"},
    "ContentInfluencedStream": {"Stream"},
    "Simulcast": {"Stream"},
    "PermanentDownload": {"Download"},
    "ConditionalDownload": {"Download"},
    "TetheredDownload": {"Download", "ConditionalDownload"},
    "KioskDownload": {"Download"},
}
ALL_USES = (
    "OnDemandStream",
    "NonInteractiveStream",
    "Stream",
    "PermanentDownload",
    "ConditionalDownload",
    "TetheredDownload",
    "Download",
    "AsPerContract",
)
ALL_MODELS = ("SubscriptionModel", "PayAsYouGoModel", "AsPerContract")
GONE = {
    "AN": {"BQ", "CW", "SX"},
    "YUCS": {"ME", "RS"},
    "DDDE": {"DE"},
    "CSHH": {"CZ", "SK"},
}


@cache
def lies_in(country: str, code: str) -> bool:
    """Whether a country is meant by a code of a deal."""
    if code in ("Worldwide", "2136"):
        return "-" not in country
    if code in GONE:
        return country in GONE[code]
    if code.isdigit():
        known = pycountry.countries.get(numeric=f"{int(code):03}")
        if known is not None:
            return bool(known.alpha_2 == country)
        members: str = GROUPS[code][1] if code in GROUPS else FORMER[code]
        return country in members.split()
    return country == code


@dataclass(frozen=True)
class Ask:
    """One question about one country. licensee: for whom; None is anybody, which only an owner may ask."""

    country: str
    at: datetime
    use: str | None
    model: str | None
    licensee: uuid.UUID | None


@dataclass
class Rows:
    """A world as it was planted."""

    deals: list[dict[str, Any]] = field(default_factory=list)
    subjects: dict[uuid.UUID, list[uuid.UUID]] = field(default_factory=dict)
    entities: dict[uuid.UUID, dict[str, Any]] = field(default_factory=dict)
    proven: dict[str, uuid.UUID] = field(default_factory=dict)

    def index(self) -> None:
        """Make ready what is looked up by id."""
        self.named_in: dict[uuid.UUID, list[dict[str, Any]]] = {}
        self.tracks_of: dict[uuid.UUID, list[dict[str, Any]]] = {}
        for deal in self.deals:
            for subject in self.subjects[deal["id"]]:
                self.named_in.setdefault(subject, []).append(deal)
        for row in self.entities.values():
            if row["kind"] == "track":
                for heard in (row["recording_id"], row["video_id"]):
                    if heard is not None:
                        self.tracks_of.setdefault(heard, []).append(row)
        self.parties = {self.licensee_of(deal) for deal in self.deals} - {None, "nobody"}

    def licensee_of(self, deal: Mapping[str, Any]) -> uuid.UUID | str | None:
        """Who a deal is for: an organization, None for everyone, or nobody."""
        if deal["licensee_id"] is not None:
            return uuid.UUID(str(deal["licensee_id"]))
        if deal["licensee_dpid"] is None:
            return None
        return self.proven.get(deal["licensee_dpid"], "nobody")

    # -- the answer -------------------------------------------------------------------------------------

    def allowed(self, entity: uuid.UUID, ask: Ask) -> bool:
        """Whether it may be used."""
        row = self.entities[entity]
        if row["status"] != "active":
            return False
        uses = ALL_USES if ask.use is None else (ask.use,)
        models = ALL_MODELS if ask.model is None else (ask.model,)
        # An owner that names nobody asks whether there is anyone, be it nobody in particular.
        parties: Iterable[Any] = [ask.licensee] if ask.licensee else [None, *self.parties]
        return any(
            self._at(place, party, use, model, ask.country, ask.at)
            for place in self._places(row)
            for party in parties
            for use in uses
            for model in models
        )

    def _places(self, row: Mapping[str, Any]) -> list[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
        """Where it is on offer: the deals of its own there, and those of the release."""
        kind, owner = row["kind"], row["owner_id"]
        if kind == "release":
            return [([], self._deals([row["id"]], owner))]
        if kind == "track":
            return [place] if (place := self._track(row, owner)) else []
        places: list[Any] = [(self._deals([row["id"]], owner), [])]
        if kind in ("recording", "video"):
            for track in self.tracks_of.get(row["id"], []):
                release = self.entities[track["release_id"]]
                same = track["owner_id"] == owner == release["owner_id"]
                if same and track["status"] == "active" == release["status"]:
                    places.append(
                        (self._deals([track["id"], row["id"]], owner), self._deals([release["id"]], owner))
                    )
        return places

    def _track(self, row: Mapping[str, Any], owner: uuid.UUID) -> Any:
        release = self.entities[row["release_id"]]
        heard = [self.entities[i] for i in (row["recording_id"], row["video_id"]) if i is not None]
        if any(one["status"] != "active" for one in (release, *heard)):
            return None
        own = [row["id"], *(one["id"] for one in heard if one["owner_id"] == owner)]
        wide = [release["id"]] if release["owner_id"] == owner else []
        return self._deals(own, owner), self._deals(wide, owner)

    def _deals(self, named: list[uuid.UUID], owner: uuid.UUID) -> list[dict[str, Any]]:
        return [
            deal
            for one in named
            for deal in self.named_in.get(one, [])
            if deal["owner_id"] == owner and deal["status"] == "active"
        ]

    def _at(self, place: Any, party: Any, use: str, model: str, country: str, at: datetime) -> bool:
        own, wide = ([deal for deal in deals if self.licensee_of(deal) in (None, party)] for deals in place)
        here = [deal for deal in (*own, *wide) if _covers(deal, country) and _runs(deal, at)]
        if any(deal["is_takedown"] for deal in here):
            return False
        narrower = [deal for deal in own if not deal["is_takedown"] and _names(deal, use, model)]
        deciding = narrower or [d for d in wide if not d["is_takedown"] and _names(d, use, model)]
        return any(_covers(deal, country) and _runs(deal, at) for deal in deciding)


def _names(deal: Mapping[str, Any], use: str, model: str) -> bool:
    return model in deal["commercial_models"] and bool(
        ({use} | CASE_OF.get(use, set())) & set(deal["use_types"])
    )


def _covers(deal: Mapping[str, Any], country: str) -> bool:
    included, excluded = deal["included_territories"], deal["excluded_territories"]
    inside = any(lies_in(country, c) for c in included) if included else "-" not in country
    return inside and not any(lies_in(country, code) for code in excluded)


def _runs(deal: Mapping[str, Any], at: datetime) -> bool:
    start, end = deal["valid_from"], deal["valid_until"]
    return not (start is not None and at < start) and not (end is not None and end <= at)
