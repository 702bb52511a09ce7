"""Tags as labels: which genre, mood, instruments, voice and era two taggers speak for, and how surely.

A tagger gives each tag the probability that its listeners would have given it. Genres come from all hundred
tags by a fit to labelled clips, and from the tags that name them: the fit knows styles that no tag names, the
names hold where the fit has heard nothing alike. Of instruments our own clips say how often a tag is right.
Nobody has told mood, voice and era of any clip we have, so there is no confidence in them, only the tagger's
score. docs/enrichment.md says which clips, and how weak they are. What is not likely enough is not said.
"""

import itertools
from collections.abc import Mapping, Sequence
from math import exp, log, tanh

from domain.audio.analysis import Label, Labels
from domain.audio.reference import instrument_curves, reference

VERSION = "labels-4"

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


ALL_TAGS = tuple(f"{tagger}:{tag}" for tagger, tags in TAGS.items() for tag in tags)

# By genre the tags that name it; reggae and latin have none, and are known by the fit alone.
GENRES: Words = {
    "rock": (
        *_named("msd", "rock,alternative,alternative rock,indie,indie rock,classic rock,hard rock"),
        *_named("msd", "Progressive rock"),
        *_named("mtt", "rock"),
    ),
    "metal": (*_named("msd", "metal,heavy metal"), "mtt:metal"),
    "pop": (*_named("msd", "pop,catchy"), "mtt:pop"),
    "electronic": (
        *_named("msd", "electronic,electronica,electro,dance"),
        *_named("mtt", "electronic,synth,dance"),
    ),
    "techno": ("mtt:techno",),
    "house": ("msd:House",),
    "trance": ("mtt:techno",),
    "drum and bass": ("mtt:techno", "msd:electronica"),
    "synthwave": ("mtt:synth", "msd:electro"),
    "disco": ("msd:dance",),
    "ambient": ("msd:ambient", *_named("mtt", "ambient,new age")),
    "hip hop": ("msd:Hip-Hop",),
    "soul": _named("msd", "soul,rnb"),
    "funk": ("msd:funk",),
    "jazz": ("msd:jazz",),
    "blues": ("msd:blues",),
    "country": ("msd:country", "mtt:country"),
    "folk": _named("msd", "folk,acoustic"),
    "classical": _named("mtt", "classical,classic,violin,strings,cello,harpsichord,opera,choral"),
    "reggae": (),
    "latin": (),
}
# What is one of these is electronic too, and as likely as all of them together.
ELECTRONIC = frozenset({"techno", "house", "trance", "drum and bass", "synthwave"})
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

# The part of what a tag usually has that is held against it: a common tag that is strong says something.
_HELD_AGAINST = 0.6
# How many deviations a tag may stand out by in the fit, and how much the tags' own names count beside it.
MOST_DEVIATIONS = 3.0
_FITTED, _NAMED = 1 / 1.5, 0.6
# What is less likely than this is not said at all, but for a mood that stands out by as many deviations:
# listeners write moods down so seldom that the taggers hardly ever give one much.
_LEAST = 0.15
_STANDS_OUT = 1.0
_MOST_LABELS = 5


def labels(scores: Mapping[str, float]) -> Labels:
    """Labels for each field, surest first; a field without a likely one is empty.

    scores: by tagger and tag, as `msd:rock`, 0 to 1.
    """
    return Labels(
        genre=tuple(Label(name=name, confidence=sure) for name, sure in _likely(genres(scores))),
        mood=moods(scores),
        instruments=instruments(scores),
        vocals=_scored(VOCALS, scores),
        era=_scored(ERAS, scores)[:1],
    )


def instruments(scores: Mapping[str, float]) -> tuple[Label, ...]:
    """What plays, surest first: how often it did in clips where the taggers said as much of it.

    An instrument that too few of those clips have has a score alone, and comes last.
    """
    curves = instrument_curves()
    found = [
        Label(name=name, confidence=_worth(curves[name], score) if name in curves else None, score=score)
        for name, score in _likely(raw(INSTRUMENTS, scores), len(INSTRUMENTS))
    ]
    return tuple(sorted(found, key=lambda one: -(one.confidence or 0.0))[:_MOST_LABELS])


def moods(scores: Mapping[str, float]) -> tuple[Label, ...]:
    """Moods that the taggers speak for more than they usually do, what stands out most first."""
    out, given = standing_out(scores, reference()["tags"]), raw(MOODS, scores)
    apart = {mood: max(out[tag] for tag in tags) for mood, tags in MOODS.items()}
    found = [mood for mood in MOODS if apart[mood] >= _STANDS_OUT or given[mood] >= _LEAST]
    found.sort(key=lambda mood: (-apart[mood], -given[mood]))
    return tuple(
        Label(name=mood, confidence=None, score=round(given[mood], 3)) for mood in found[:_MOST_LABELS]
    )


def pace(scores: Mapping[str, float]) -> float:
    """-1 slow to +1 fast: how far the tags of fast music stand out against those of slow music."""
    out = standing_out(scores, reference()["tags"])
    fast = sum(out[tag] for tag in _FAST) / len(_FAST)
    slow = sum(out[tag] for tag in _SLOW) / len(_SLOW)
    return round(tanh(0.8 * (fast - slow)), 4)


def genres(scores: Mapping[str, float]) -> dict[str, float]:
    """How likely each genre is: the fit and the names of the tags together, calmed to what held true."""
    stored, tags = reference()["genre"], reference()["tags"]
    out = list(standing_out(scores, tags).values())
    fitted = {
        name: stored["bias"][name] + sum(w * one for w, one in zip(weights, out, strict=True))
        for name, weights in stored["weights"].items()
    }
    return likelihoods(blended(fitted, scores, tags["mean"]), stored["calm"])


def likelihoods(told: Mapping[str, float], calm: float) -> dict[str, float]:
    """Scores by genre as probabilities; the kinds of electronic music count for it together."""
    top = max(told.values())
    shares = {name: exp((value - top) / calm) for name, value in told.items()}
    whole = sum(shares.values())
    sure = {name: share / whole for name, share in shares.items()}
    sure["electronic"] = sure.get("electronic", 0.0) + sum(sure.get(name, 0.0) for name in ELECTRONIC)
    return sure


def blended(
    fitted: Mapping[str, float], scores: Mapping[str, float], means: Mapping[str, float]
) -> dict[str, float]:
    """By genre what the fit says, and what the genre's own tags say; one that has none takes the least.

    means: of each tag's logit over many sounds.
    """
    named = {
        name: max(logit(scores[tag]) - _HELD_AGAINST * means[tag] for tag in GENRES[name])
        for name in fitted
        if GENRES[name]
    }
    least, usual = min(named.values()), sum(named.values()) / len(named)
    return {name: _FITTED * own + _NAMED * (named.get(name, least) - usual) for name, own in fitted.items()}


def standing_out(scores: Mapping[str, float], usual: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """How far each tag stands out, in deviations, at most three. usual: `mean` and `deviation` by tag."""
    out = {tag: (logit(scores[tag]) - usual["mean"][tag]) / usual["deviation"][tag] for tag in ALL_TAGS}
    return {tag: min(max(one, -MOST_DEVIATIONS), MOST_DEVIATIONS) for tag, one in out.items()}


def logit(score: float) -> float:
    """The logarithm of the odds of a score, which is held away from 0 and 1."""
    held = min(max(score, 1e-4), 1 - 1e-4)
    return log(held / (1 - held))


def raw(words: Words, scores: Mapping[str, float]) -> dict[str, float]:
    """By word the greatest score of its tags: the probability that a tagger was trained to give."""
    return {word: max(scores[tag] for tag in tags) for word, tags in words.items()}


def _scored(words: Words, scores: Mapping[str, float]) -> tuple[Label, ...]:
    """Words that no labelled sounds tell the worth of."""
    return tuple(
        Label(name=name, confidence=None, score=score) for name, score in _likely(raw(words, scores))
    )


def _likely(sure: Mapping[str, float], most: int = _MOST_LABELS) -> list[tuple[str, float]]:
    likely = sorted((word for word in sure if sure[word] >= _LEAST), key=lambda word: (-sure[word], word))
    return [(word, round(sure[word], 3)) for word in likely[:most]]


def _worth(curve: Sequence[Sequence[float]], score: float) -> float:
    """A score as the share of cases in which it was right. curve: pairs of both, rising."""
    for (low, least), (high, most) in itertools.pairwise(curve):
        if score <= high:
            share = (score - low) / (high - low) if high > low else 1.0
            return round(least + (most - least) * share, 3)
    return round(curve[-1][1], 3)
