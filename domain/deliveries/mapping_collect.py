"""Collects the claims about one release: each thing once, artists and credits by who they are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from domain.claims import Draft, canonical
from domain.deliveries import mapping_values as values
from domain.deliveries.message import Described
from domain.deliveries.parts import Credit, Name, Party

Ref = dict[str, str]
_JOINED = ((" feat. ", "FeaturedArtist"), (" with ", "With"))


@dataclass(slots=True)
class Collector:
    """The drafts made so far, by name, and the parties they may refer to."""

    parties: Mapping[str, Party]
    made_by_name: dict[str, Draft] = field(default_factory=dict)
    by_key: dict[str, list[Party]] = field(default_factory=dict)

    def add(self, draft: Draft) -> Ref:
        """Take a draft; another one of the same name that says something else gets a number."""
        name, number = draft.name, 1
        while name in self.made_by_name and canonical(self.made_by_name[name].fields) != canonical(
            draft.fields
        ):
            number += 1
            name = f"{draft.name}#{number}"
        key = draft.key if number == 1 else f"{draft.key}#{number}"
        self.made_by_name[name] = Draft(draft.kind, key, draft.fields)
        return {"ref": name}

    def ordered(self) -> tuple[Draft, ...]:
        kinds = ("artist", "work", "recording", "video", "release", "track", "image", "credit", "deal")
        return tuple(sorted(self.made_by_name.values(), key=lambda draft: kinds.index(draft.kind)))

    def artist(self, reference: str | None) -> tuple[Ref | None, str]:
        """The artist behind a party reference, claimed once, and its name."""
        party = self.parties.get(reference or "")
        if party is None or not party.name:
            return None, reference or "" if party is None else ""
        key = values.artist_key(party)
        name = f"artist:{key}"
        if name not in self.made_by_name:
            self.made_by_name[name] = Draft("artist", key, _artist_fields(self._namesakes(key)))
        return {"ref": name}, party.name

    def _namesakes(self, key: str) -> list[Party]:
        """Everything the message says of one artist; ERN 3 names it anew in each place."""
        if not self.by_key:
            for party in self.parties.values():
                self.by_key.setdefault(values.artist_key(party), []).append(party)
        return self.by_key[key]

    def artist_credit(self, item: Described) -> list[dict[str, Any]]:
        """The credited names in order. What is printed decides the phrases between them, where it can."""
        shown = values.leading(item.artist_names)
        printed = shown.text if shown is not None else None
        credits = [c for c in item.credits_of("display_artist") if values.territories(c.where) == []]
        credits = credits or list(item.credits_of("display_artist"))
        if credits and credits[0].where.included:
            credits = [c for c in credits if c.where == credits[0].where]
        ordered = sorted(credits, key=lambda c: c.sequence if c.sequence is not None else values.LARGEST_INT)
        parts: list[dict[str, Any]] = []
        for credit in ordered:
            target, name = self.artist(credit.party) if credit.party else (None, credit.special or "")
            if not name:
                continue
            role = credit.roles[0].text if credit.roles else None
            part: dict[str, Any] = {"name": name, "join_phrase": "", "role": role}
            parts.append(part | ({"artist": target} if target else {}))
        if not parts:
            return [{"name": printed, "join_phrase": "", "role": None}] if printed else []
        _join(parts, printed)
        return parts

    def credits(self, item: Described, subject: Ref, credits: Iterable[Credit]) -> None:
        """One credit for each role of each contributor."""
        position = 0
        for credit in credits:
            roles = credit.artistic_roles if credit.kind == "display_artist" else credit.roles
            if credit.kind == "display_artist" and not roles:
                continue
            target, name = self.artist(credit.party) if credit.party else (None, credit.special or "")
            if not name:
                continue
            instruments = [term.text for term in credit.instruments]
            for role in [term.text for term in roles] or ["Contributor"]:
                position += 1
                fields = {
                    "subject_id": subject,
                    "artist_id": target,
                    "name": name,
                    "role": role,
                    "instruments": instruments,
                    "position": position,
                    "annotations": values.annotation(
                        {"kind": None if credit.kind == "contributor" else credit.kind} | _credit_rest(credit)
                    ),
                }
                who = target["ref"] if target else f"name:{values.folded(name)}"
                self.add(Draft("credit", f"{subject['ref']}/{who}/{role}", fields))


def _artist_fields(said: list[Party]) -> dict[str, Any]:
    """What is said of an artist, of all places together."""
    codes = [code for party in said for code in party.codes]
    names = list(dict.fromkeys(name for party in said for name in party.names))
    lead = next((n for n in names if n.default), None) or next(iter(names), None)
    rich = [n for n in names if n.key or n.before_key or n.after_key or n.indexed or n.kinds]
    extras = list(dict.fromkeys(extra for party in said for extra in party.extras))
    return {
        "name": said[0].name,
        "sort_name": lead.indexed if lead is not None else None,
        "isni": values.column(codes, "isni"),
        "ipi": values.column(codes, "ipi"),
        "titles": _names(said[0].name, names),
        "identifiers": values.identifiers(codes),
        "annotations": values.annotation({"names": values.plain(rich), "extras": values.plain(extras)}),
    }


def _names(shown: str, said: list[Name]) -> list[dict[str, Any]]:
    """An artist's further names as titles."""
    names = [
        {
            "text": text,
            "language": name.language,
            "script": values.language_and_script(name.language)[1],
            "type": "abbreviated" if text == name.abbreviated else "alias",
            "territories": values.territories(name.where),
            "is_default": name.default and text == name.full,
        }
        for name in said
        for text in dict.fromkeys((name.full, name.ascii, name.abbreviated))
        if text and (text != shown or name.language)
    ]
    return list({canonical(name): name for name in names}.values())


def _join(parts: list[dict[str, Any]], printed: str | None) -> None:
    """Set the phrases between the names: from what is printed, if it holds them in order, else by role."""
    if printed is not None:
        at, phrases = 0, []
        for number, part in enumerate(parts):
            found = printed.find(part["name"], at)
            if found < 0 or (number == 0 and found != 0):
                break
            phrases.append(printed[at:found])
            at = found + len(part["name"])
        else:
            for part, phrase in zip(parts, (*phrases[1:], printed[at:]), strict=True):
                part["join_phrase"] = phrase
            return
    for part, following in pairwise(parts):
        part["join_phrase"] = next((p for p, role in _JOINED if role == following["role"]), ", ")


def _credit_rest(credit: Credit) -> dict[str, Any]:
    """What the columns of a credit do not hold."""
    where = values.territories(credit.where)
    return {
        "sequence": credit.sequence,
        "featured": credit.featured,
        "contracted": credit.contracted,
        "credited": credit.credited,
        "special": credit.special,
        "territories": where,
        "terms": [values.plain(t) for t in (*credit.roles, *credit.instruments) if t.user_value or t.marks],
        "extras": values.plain(credit.extras),
    }
