"""The question that every model is asked, the words it may answer with, and how an answer is read.

The words are few, so that answers of different windows, models and people can be compared. A change of the
question is a new prompt version; answers to another version are another model's as far as figures go.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PROMPT_VERSION = "labels-1"
# The version of how answers are read, voted on and weighed.
CODE_VERSION = "1"
FUNCTION = "label_music"

GENRES = (
    *("rock", "pop", "electronic", "dance", "house", "techno", "trance", "drum and bass", "dubstep"),
    *("hip hop", "rnb", "soul", "funk", "disco", "jazz", "blues", "metal", "punk", "indie", "folk"),
    *("country", "reggae", "latin", "classical", "ambient", "gospel", "world", "soundtrack", "experimental"),
    *("spoken word", "other"),
)
MOODS = (
    *("happy", "sad", "angry", "calm", "energetic", "aggressive", "dark", "dreamy", "romantic", "sexy"),
    *("tense", "epic", "playful", "melancholic", "mellow", "party", "neutral"),
)
INSTRUMENTS = (
    *("guitar", "electric guitar", "acoustic guitar", "bass", "drums", "percussion", "piano", "keyboard"),
    *("synthesizer", "organ", "strings", "violin", "cello", "harp", "flute", "saxophone", "trumpet"),
    *("brass", "woodwinds", "harpsichord", "sitar", "accordion", "harmonica", "banjo", "vocals", "choir"),
)
VOCALS = ("instrumental", "female", "male", "choir", "mixed")
MOST = {"genre": 3, "mood": 3, "instruments": 8, "vocals": 1}
WORDS: Mapping[str, tuple[str, ...]] = {
    "genre": GENRES,
    "mood": MOODS,
    "instruments": INSTRUMENTS,
    "vocals": VOCALS,
}
# Fields whose labels decide how sure an answer is.
WEIGHED = ("genre", "mood", "instruments")
LONGEST_DESCRIPTION = 600

SYSTEM = "You label music. Answer with JSON only, of exactly the schema you were given."
TEXT = (
    "Listen to this part of a recording. Say its genre (one to three, the best first), its mood (one to "
    "three), the instruments that you hear, the kind of vocals, and one or two sentences that describe it. "
    "Use only words of the schema. Say what you hear, and nothing that you know of an artist or a title."
)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["genre", "mood", "instruments", "vocals", "description"],
    "properties": {
        **{
            field: {
                "type": "array",
                "items": {"type": "string", "enum": list(words)},
                "minItems": 0 if field == "instruments" else 1,
                "maxItems": MOST[field],
            }
            for field, words in WORDS.items()
            if field != "vocals"
        },
        "vocals": {"type": "string", "enum": list(VOCALS)},
        "description": {"type": "string", "maxLength": LONGEST_DESCRIPTION},
    },
}

_ALIASES = {
    "hiphop": "hip hop",
    "rap": "hip hop",
    "r&b": "rnb",
    "randb": "rnb",
    "drumandbass": "drum and bass",
    "drumnbass": "drum and bass",
    "dnb": "drum and bass",
    "synth": "synthesizer",
    "edm": "electronic",
}


class NotJson(ValueError):
    """The text holds no JSON object, or a broken one."""


class OffSchema(ValueError):
    """The text is JSON, and not of the schema that was asked for."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What one model heard in one window.

    labels: by field, as the answer ordered them. probable: by field and label, the probability of the
    value's tokens; empty where the model told none.
    """

    labels: Mapping[str, tuple[str, ...]]
    description: str = ""
    probable: Mapping[tuple[str, str], float]


def fold(word: str) -> str:
    """A word as it is compared: `Hip-Hop`, `hip hop` and `HIPHOP` are one."""
    plain = re.sub(r"[^a-z0-9&]", "", word.lower())
    return re.sub(r"[^a-z0-9]", "", _ALIASES.get(plain, plain))


_KNOWN = {field: {fold(word): word for word in words} for field, words in WORDS.items()}


def printable(text: str) -> str:
    """A text of others with a space for whatever would steer a terminal, or that no database can keep."""
    return "".join(char if char.isprintable() else " " for char in text)


def known_word(field: str, word: str) -> str | None:
    """The word of ours that another spelling means; None where there is none."""
    return _KNOWN.get(field, {}).get(fold(word))


def find_object(text: str) -> str:
    """The JSON object of an answer. Raises NotJson.

    Fences and words around it are passed over: models add them whatever they were told.
    """
    first = text.find("{")
    if first < 0:
        raise NotJson("the answer holds no JSON object")
    try:
        _, end = json.JSONDecoder().raw_decode(text, first)
        found = text[first:end]
        found.encode()  # half a pair of surrogates is no text, and nothing can keep it
    except (ValueError, RecursionError) as error:
        raise NotJson(f"the answer's JSON is broken: {error}") from None
    return found


def read_labels(text: str) -> tuple[dict[str, tuple[str, ...]], str]:
    """Labels by field and the description, of a JSON object. Raises NotJson, OffSchema."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"the answer's JSON is broken: {error}") from None
    if not isinstance(said, dict):
        raise OffSchema("the answer is no JSON object")
    if missing := [name for name in SCHEMA["required"] if name not in said]:
        raise OffSchema(f"the answer lacks {', '.join(missing)}")
    if more := sorted(set(said) - set(SCHEMA["properties"])):
        raise OffSchema(f"the answer has {', '.join(more)[:80]}, which was not asked for")
    found = {field: _words(field, said[field]) for field in WORDS}
    description = said["description"]
    if not isinstance(description, str):
        raise OffSchema("description is no text")
    return found, " ".join(printable(description).split())[:LONGEST_DESCRIPTION]


def _words(field: str, given: Any) -> tuple[str, ...]:
    if field == "vocals":
        given = [given]
    if not isinstance(given, list) or not all(isinstance(word, str) for word in given):
        raise OffSchema(f"{field} is no list of words")
    if len(given) > MOST[field] or (not given and field != "instruments"):
        raise OffSchema(f"{field} has {len(given)} words")
    words = []
    for word in given:
        known = known_word(field, word)
        if known is None:
            raise OffSchema(f"{field} has {word[:40]!r}, which is none of its words")
        words.append(known)
    return tuple(dict.fromkeys(words))
