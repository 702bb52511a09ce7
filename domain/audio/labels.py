"""Tags as labels: which genre, mood, instruments, voice and era two taggers speak for, and how surely.

A tagger gives each tag the probability that its listeners would have given it. Some tags are given to most
music (`rock`), others to little (`funk`), so what counts is how far a tag stands out from what it usually
has. A label's evidence is that of its strongest tag; evidence becomes a confidence by a curve that was
fitted to labelled sounds (docs/enrichment.md says which, and how weak they are). What is not likely enough
is not said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import exp, log, tanh

from domain.audio.analysis import Label, Labels
from domain.audio.reference import reference

VERSION = "labels-1"

Words = Mapping[str, tuple[str, ...]]


def _tags(text: str) -> tuple[str, ...]:
    return tuple(tag.strip() for tag in text.split(","))


# In the order of the taggers' last layer.
TAGS = {
    "msd": _tags("""
        rock, pop, alternative, indie, electronic, female vocalists, dance, 00s, alternative rock, jazz,
        beautiful, metal, chillout, male vocalists, classic rock, soul, indie rock, Mellow, electronica, 80s,
        folk, 90s, chill, instrumental, punk, oldies, blues, hard rock, ambient, acoustic, experimental,
        female vocalist, guitar, Hip-Hop, 70s, party, country, easy listening, sexy, catchy, funk, electro,
        heavy metal, Progressive rock, 60s, rnb, indie pop, sad, House, happy
    """),
    "mtt": _tags("""
        guitar, classical, slow, techno, strings, drums, electronic, rock, fast, piano, ambient, beat, violin,
        vocal, synth, female, indian, opera, male, singing, vocals, no vocals, harpsichord, loud, quiet,
        flute, woman, male vocal, no vocal, pop, soft, sitar, solo, man, classic, choir, voice, new age,
        dance, male voice, female vocal, beats, harp, cello, no voice, weird, country, metal,
        female voice, choral
    """),
}


def _named(tagger: str, tags: str) -> tuple[str, ...]:
    return tuple(f"{tagger}:{tag}" for tag in _tags(tags))


GENRES = {
    "rock": (
        *_named("msd", "rock,alternative,alternative rock,indie,indie rock,classic rock,hard rock"),
        *_named("msd", "Progressive rock"),
        *_named("mtt", "rock"),
    ),
    "metal": (*_named("msd", "metal,heavy metal"), "mtt:metal"),
    "punk": ("msd:punk",),
    "pop": (*_named("msd", "pop,catchy"), "mtt:pop"),
    "electronic": (
        *_named("msd", "electronic,electronica,electro,dance"),
        *_named("mtt", "electronic,synth,dance"),
    ),
    "techno": ("mtt:techno",),
    "house": ("msd:House",),
    "ambient": (*_named("msd", "ambient"), *_named("mtt", "ambient,new age")),
    "hip hop": ("msd:Hip-Hop",),
    "soul": _named("msd", "soul,rnb"),
    "funk": ("msd:funk",),
    "jazz": ("msd:jazz",),
    "blues": ("msd:blues",),
    "country": ("msd:country", "mtt:country"),
    "folk": _named("msd", "folk,acoustic"),
    "classical": _named("mtt", "classical,classic,violin,strings,cello,harpsichord,opera,choral"),
}
INSTRUMENTS = {
    "guitar": ("mtt:guitar", "msd:guitar"),
    "piano": ("mtt:piano",),
    "strings": _named("mtt", "strings,violin,cello"),
    "drums": _named("mtt", "drums,beat,beats"),
    "synthesizer": ("mtt:synth",),
    "flute": ("mtt:flute",),
    "harpsichord": ("mtt:harpsichord",),
    "harp": ("mtt:harp",),
    "sitar": ("mtt:sitar",),
}
MOODS = {
    "happy": ("msd:happy",),
    "sad": ("msd:sad",),
    "mellow": _named("msd", "Mellow,chill,chillout,easy listening"),
    "party": ("msd:party",),
    "beautiful": ("msd:beautiful",),
    "sexy": ("msd:sexy",),
    "calm": _named("mtt", "quiet,soft"),
    "loud": ("mtt:loud",),
    "strange": ("mtt:weird",),
}
ERAS = {name: (f"msd:{name}",) for name in ("60s", "70s", "80s", "90s", "00s")}
_SUNG = _named("mtt", "vocal,vocals,singing,voice,male,female,man,woman,male vocal,female vocal")
_PLAYED = (*_named("mtt", "no vocals,no vocal,no voice"), "msd:instrumental")
VOCALS = {
    "vocal": _SUNG,
    "instrumental": _PLAYED,
    "female": (*_named("mtt", "female,woman,female vocal,female voice"), "msd:female vocalists"),
    "male": (*_named("mtt", "male,man,male vocal,male voice"), "msd:male vocalists"),
    "choir": _named("mtt", "choir,choral"),
}
_FAST = (*_named("mtt", "fast,techno,loud,metal,dance"), *_named("msd", "dance,House,punk,metal,party"))
_SLOW = (
    *_named("mtt", "slow,soft,quiet,ambient,piano,classical"),
    *_named("msd", "ambient,Mellow,sad,Hip-Hop,rnb"),
)

# Half of what a tag usually has is held against it: a common tag that is strong still means something.
_HELD_AGAINST = 0.5
# What is less likely than this is not said at all.
_LEAST = 0.15
_MOST_LABELS = 5


@dataclass(frozen=True)
class Curve:
    """How evidence becomes a confidence: the logistic of base + slope * evidence + lead * its lead."""

    base: float
    slope: float
    lead: float

    def __call__(self, evidence: float, lead: float) -> float:
        return 1 / (1 + exp(-(self.base + self.slope * evidence + self.lead * lead)))


def labels(scores: Mapping[str, float]) -> Labels:
    """Labels for each field, surest first; a field without a likely one is empty.

    scores: by tagger and tag, as `msd:rock`, 0 to 1.
    """
    return Labels(
        genre=_likely(_fitted("genre", GENRES, scores)),
        mood=_likely(_raw(MOODS, scores)),
        instruments=_likely(_fitted("instruments", INSTRUMENTS, scores)),
        vocals=_likely(_raw(VOCALS, scores)),
        era=_likely(_raw(ERAS, scores))[:1],
    )


def pace(scores: Mapping[str, float]) -> float:
    """-1 slow to +1 fast: how far the tags of fast music stand out against those of slow music."""
    fast = sum(_standing_out(tag, scores) for tag in _FAST) / len(_FAST)
    slow = sum(_standing_out(tag, scores) for tag in _SLOW) / len(_SLOW)
    return round(tanh(0.8 * (fast - slow)), 4)


def evidence(words: Words, scores: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """By label, the evidence of its strongest tag, and by how much it leads the strongest other label."""
    means = reference()["tags"]["mean"]
    strength = {
        word: max(_logit(scores[tag]) - _HELD_AGAINST * means[tag] for tag in tags)
        for word, tags in words.items()
    }
    return {
        word: (own, own - max(other for name, other in strength.items() if name != word))
        for word, own in strength.items()
    }


def _fitted(field: str, words: Words, scores: Mapping[str, float]) -> dict[str, float]:
    curve = curves()[field]
    return {word: curve(own, lead) for word, (own, lead) in evidence(words, scores).items()}


def _raw(words: Words, scores: Mapping[str, float]) -> dict[str, float]:
    """Where there are no labelled sounds to fit to: the probability the tagger was trained to give."""
    return {word: max(scores[tag] for tag in tags) for word, tags in words.items()}


def _likely(sure: Mapping[str, float]) -> tuple[Label, ...]:
    likely = sorted((word for word in sure if sure[word] >= _LEAST), key=lambda word: (-sure[word], word))
    return tuple(Label(name=word, confidence=round(sure[word], 3)) for word in likely[:_MOST_LABELS])


@cache
def curves() -> dict[str, Curve]:
    """The fitted curve of each field."""
    return {field: Curve(*numbers) for field, numbers in reference()["curves"].items()}


def _standing_out(tag: str, scores: Mapping[str, float]) -> float:
    """How far a tag stands out from what it usually has, in its own deviations."""
    stored = reference()["tags"]
    return float((_logit(scores[tag]) - stored["mean"][tag]) / stored["deviation"][tag])


def _logit(score: float) -> float:
    held = min(max(score, 1e-4), 1 - 1e-4)
    return log(held / (1 - held))
