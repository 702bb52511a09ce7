"""Vectors of texts: what lies near what, and what hostile texts come to."""

import math
import unicodedata

import pytest

from domain.vectors.text import LONGEST_CONTENT, folded, text_vector


def cosine(one: str, other: str) -> float:
    a, b = text_vector(one), text_vector(other)
    assert a is not None
    assert b is not None
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def test_what_is_spelled_alike_lies_near() -> None:
    assert cosine("Hyperballad", "Hyperballad") == pytest.approx(1)
    near, far = cosine("Hyperballad", "Hyper-ballad (live)"), cosine("Hyperballad", "Army of Me")
    assert near > 0.4 > far
    assert cosine("Björk BJÖRK", "bjork bjo\u0308rk") == pytest.approx(1)
    assert cosine("深夜特急", "深夜特急 remix") > cosine("深夜特急", "朝の光")
    assert cosine("Игорь", "игорь концерт") > 0.4


def test_the_vector_of_a_version_stays_as_it_is() -> None:
    """What is stored is compared with what is made later: another vector needs another version."""
    vector = text_vector("Blue Song")
    assert vector is not None
    assert len(vector) == 256
    assert math.fsum(x * x for x in vector) == pytest.approx(1)
    places = [place for place, number in enumerate(vector) if abs(number) > 0.25]
    assert places == [10, 89]


@pytest.mark.parametrize(
    "hostile",
    [
        "\x00\x01\x02",
        "\u202e\u202d\u2066\ufeff",
        "🎵" * 1_000,
        "\u0301" * 5_000,
        "\ufdfa" * LONGEST_CONTENT,
        "a\u0301\u0302\u0303" * 3_000,
        "x" * LONGEST_CONTENT,
        "".join(map(chr, range(0x4E00, 0x4E00 + 9_000))),
        "".join(chr(n) for n in range(0x110000) if n % 61 == 0 and not 0xD800 <= n < 0xE000),
    ],
    ids=["control", "bidi", "emoji", "marks", "ligatures", "stacked", "one word", "ideographs", "everything"],
)
def test_hostile_texts_give_a_vector_or_none(hostile: str) -> None:
    vector = text_vector(hostile)
    assert vector is None or math.fsum(x * x for x in vector) == pytest.approx(1)
    assert len(folded(hostile)) <= 4 * 30_000
    if not any(unicodedata.category(sign)[0] in "LN" for sign in hostile):
        assert vector is None


def test_nothing_beyond_the_limit_counts() -> None:
    base = "word " * (LONGEST_CONTENT // 5)
    assert text_vector(base) == text_vector(base + "another")
