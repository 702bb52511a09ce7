"""How probable a model held each value of its answer: from characters to tokens to probabilities.

Braces, keys and quotation marks are foregone in a schema and nearly certain; counted in, they would make
every answer look sure. So only the tokens that hold characters of a value count.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.models.question import known_word

# How servers write "no probability", as of an end token that is no text.
NOTHING = -9999.0


@dataclass(frozen=True)
class Token:
    """One token of an answer as bytes of UTF-8, and the natural logarithm of its probability."""

    bytes: bytes
    logprob: float


def probabilities(text: str, tokens: Sequence[Token]) -> dict[tuple[str, str], float]:
    """By field and label, exp of the mean log-probability of the label's own tokens.

    text: the JSON object, which stands somewhere in what the tokens spell. Empty where there are no tokens,
    or where they spell something else: then nothing is known.
    """
    counted = [token for token in tokens if token.logprob > NOTHING and token.bytes]
    spelt = b"".join(token.bytes for token in counted)
    wanted = text.encode()
    begins = spelt.find(wanted) if counted else -1
    if begins < 0:
        return {}
    ends: list[int] = []
    place = 0
    for token in counted:
        place += len(token.bytes)
        ends.append(place)
    found: dict[tuple[str, str], float] = {}
    for field, value, first, last in values(text):
        label = known_word(field, value)
        if label is None or (field, label) in found:
            continue
        left = begins + len(text[:first].encode())
        right = begins + len(text[:last].encode())
        own = [
            token.logprob
            for token, end in zip(counted, ends, strict=True)
            if end > left and end - len(token.bytes) < right
        ]
        if own:
            found[field, label] = math.exp(min(0.0, sum(own) / len(own)))
    return found


def values(text: str) -> Iterator[tuple[str, str, int, int]]:
    """Field, value and span (characters, without the quotation marks) of each text of a flat object."""
    decoder = json.JSONDecoder()
    place, depth, field, expect_key = 0, 0, "", True
    while place < len(text):
        char = text[place]
        if char == '"':
            value, end = _string(decoder, text, place)
            if depth == 1 and expect_key:
                field, expect_key = value, False
            else:
                yield field, value, place + 1, end - 1
            place = end
            continue
        if char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
        elif char == "," and depth == 1:
            expect_key = True
        place += 1


def _string(decoder: json.JSONDecoder, text: str, place: int) -> tuple[str, int]:
    value, end = decoder.raw_decode(text, place)
    assert isinstance(value, str), "a quotation mark begins a text"
    return value, end


def mean(found: Mapping[tuple[str, str], float]) -> float | None:
    """The mean probability of all values; None where nothing is known."""
    return sum(found.values()) / len(found) if found else None
