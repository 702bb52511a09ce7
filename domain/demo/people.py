"""Made-up artists: who they are depends on the seed and their number alone."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

from domain.claims import Draft
from domain.demo import codes
from domain.demo.chance import chance
from domain.demo.words import TONGUES, WEIGHTS, Tongue, group_name, person_name

Ref = dict[str, str]

_TYPES = ("person", "group", "orchestra", "choir", "character", "other", None)
_TYPE_WEIGHTS = (58, 34, 2, 1, 1, 1, 3)


@dataclass(frozen=True)
class Artist:
    """What the rest of the catalog needs to know of an artist."""

    number: int
    name: str
    tongue: Tongue
    country: str
    fields: dict[str, Any]

    @property
    def key(self) -> str:
        return f"a{self.number}"

    @property
    def ref(self) -> Ref:
        """How other drafts point at it."""
        return {"ref": f"artist:{self.key}"}

    def draft(self) -> Draft:
        """The claims about it."""
        return Draft("artist", self.key, self.fields)


def cast(seed: int) -> Callable[[int], Artist]:
    """The artists of a seed by number, a few thousand of them remembered."""
    return lru_cache(maxsize=8192)(lambda number: _artist(seed, number))


def pool_size(release: int) -> int:
    """How many artists there are once a release is out; each release brings two new ones."""
    return 6 + 2 * release


def popular(random: Random, size: int) -> int:
    """One of `size` numbers, low ones far more often: a few artists have most of the music."""
    return int(size * random.random() ** 2.2)


def _artist(seed: int, number: int) -> Artist:
    random = chance(seed, "artist", number)
    tongue = random.choices(TONGUES, WEIGHTS)[0]
    type_ = random.choices(_TYPES, _TYPE_WEIGHTS)[0]
    country = random.choice(tongue.countries)
    alone = type_ in ("person", "character", None)
    name, sort_name = person_name(random, tongue) if alone else (group_name(random, tongue), None)
    if sort_name is None and random.random() < 0.6:
        sort_name = f"{name[4:]}, The" if name.startswith("The ") else name
    begin = random.randint(1930, 2004) if alone else random.randint(1955, 2022)
    began = _partial(random, begin)
    fields: dict[str, Any] = {
        "name": name,
        "sort_name": sort_name,
        "type": type_,
        "disambiguation": random.choice((None, None, None, None, f"from {country}", "the younger one")),
        "country": country if random.random() < 0.85 else None,
        "begin_date": began,
        "end_date": str(begin + random.randint(8, 60)) if random.random() < 0.06 else None,
        "isni": codes.isni(seed, number) if random.random() < 0.4 else None,
        "ipi": codes.ipi(seed, number) if random.random() < 0.3 else None,
        "mbid": codes.mbid(random) if random.random() < 0.35 else None,
        "visibility": "public" if random.random() < 0.7 else "private",
    }
    titles = _other_names(random, name, tongue)
    if titles:
        fields["titles"] = titles
    if random.random() < 0.15:
        fields["identifiers"] = [
            {"scheme": "proprietary", "value": f"ART-{seed}-{number}", "namespace": "demo"}
        ]
    if random.random() < 0.05:
        fields["annotations"] = [{"key": "note", "value": 'asked to be written "exactly so"\n— signed'}]
    return Artist(number, name, tongue, country, fields)


def _other_names(random: Random, name: str, tongue: Tongue) -> list[dict[str, Any]]:
    if tongue.script == "Latn" and random.random() > 0.05:
        return []
    other = random.choice(TONGUES[:5])
    return [
        {"text": name, "language": tongue.language, "script": tongue.script, "is_default": True},
        {
            "text": person_name(random, other)[0],
            "language": f"{tongue.language.split('-')[0]}-Latn" if tongue.script != "Latn" else None,
            "script": "Latn",
            "type": "transliterated" if tongue.script != "Latn" else "alias",
        },
    ]


def _partial(random: Random, year: int) -> str | None:
    return random.choice(
        (
            None,
            f"{year}",
            f"{year}-{random.randint(1, 12):02}",
            f"{year}-{random.randint(1, 12):02}-{random.randint(1, 28):02}",
        )
    )
