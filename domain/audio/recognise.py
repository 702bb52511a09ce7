"""Whether two fingerprints are of the same sound."""

import base64
import binascii
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.audio import chroma_print
from domain.audio.analysis import Fingerprint

CHROMAPRINT = "chromaprint"

# Seconds from one number of a fingerprint to the next.
_STEP_S = {CHROMAPRINT: chroma_print.STEP_S, chroma_print.ALGORITHM: chroma_print.STEP_S}
# Less than this in common proves nothing.
_LEAST_S = 4.0
# The share of bits that may differ. Different sounds differ in half of them, give or take more where they
# have less in common.
_MOST_DIFFERENT = 0.36
_CHANCE = 0.5
_LEAST_SURE = 0.6
_MOST_NUMBERS = 100_000

Bits = NDArray[np.uint32]


class FingerprintBroken(ValueError):
    """The text is no fingerprint of the algorithm it names."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """How two fingerprints lie on each other. offset_s: where the second begins in the first."""

    same: bool
    different: float
    offset_s: float
    common_s: float


def match(one: Fingerprint, other: Fingerprint) -> Match | None:
    """How well two sounds lie on each other at best; None where it can't be said.

    It can't where they are of two algorithms or versions, or have too little in common. Raises
    FingerprintBroken.
    """
    if (one.algorithm, one.version) != (other.algorithm, other.version) or one.algorithm not in _STEP_S:
        return None
    first, second = numbers(one), numbers(other)
    step_s = _STEP_S[one.algorithm]
    least = int(_LEAST_S / step_s)
    if min(first.size, second.size) < least:
        return None
    # Bits beside each other in time are mostly the same: a second holds few that are its own.
    best: tuple[float, float, int, int] | None = None
    for offset in range(least - second.size, first.size - least + 1):
        begin, end = max(0, offset), min(first.size, offset + second.size)
        wrong = np.bitwise_count(first[begin:end] ^ second[begin - offset : end - offset])
        different = float(wrong.mean()) / 32
        sure = (_CHANCE - different) * float(np.sqrt((end - begin) * step_s))
        if best is None or sure > best[0]:
            best = (sure, different, offset, end - begin)
    assert best is not None
    sure, different, offset, common = best
    return Match(
        same=different <= _MOST_DIFFERENT and sure >= _LEAST_SURE,
        different=round(different, 4),
        offset_s=round(offset * step_s, 2),
        common_s=round(common * step_s, 2),
    )


def numbers(fingerprint: Fingerprint) -> Bits:
    """The 32-bit numbers of a fingerprint. Raises FingerprintBroken."""
    packed = _decoded(fingerprint.value)
    if fingerprint.algorithm == CHROMAPRINT:
        return _unpacked(packed)
    if fingerprint.algorithm != chroma_print.ALGORITHM or len(packed) % 4:
        raise FingerprintBroken(f"{len(packed)} bytes are no fingerprint of {fingerprint.algorithm}")
    return np.frombuffer(packed, dtype="<u4").astype(np.uint32)


def written(bits: Bits) -> str:
    """Numbers as text, for a fingerprint of our own."""
    return base64.urlsafe_b64encode(bits.astype("<u4").tobytes()).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise FingerprintBroken(f"not base64: {error}") from error


def _unpacked(packed: bytes) -> Bits:
    """Chromaprint's packing: each number as what changed from the one before, as distances between its bits.

    Four bytes of heading (algorithm, count); distances in three bits each, 0 closing a number; those of
    seven and more go on in five bits each, after the others.
    """
    if len(packed) < 4:
        raise FingerprintBroken("a fingerprint has at least four bytes")
    count = int.from_bytes(packed[1:4], "big")
    if count > _MOST_NUMBERS:
        raise FingerprintBroken(f"{count} numbers; at most {_MOST_NUMBERS}")
    bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8, offset=4), bitorder="little")
    small = bits[: bits.size // 3 * 3].reshape(-1, 3) @ np.array([1, 2, 4], dtype=np.int64)
    closing = np.flatnonzero(small == 0)
    if closing.size < count:
        raise FingerprintBroken(f"{closing.size} numbers where {count} are promised")
    used = int(closing[count - 1]) + 1 if count else 0
    distances = small[:used].copy()
    large = np.flatnonzero(distances == 7)
    rest = bits[-(-used * 3 // 8) * 8 :]
    if rest.size < large.size * 5:
        raise FingerprintBroken("it ends within a number")
    distances[large] += rest[: large.size * 5].reshape(-1, 5) @ np.array([1, 2, 4, 8, 16], dtype=np.int64)
    found, value, place = [], 0, 0
    for distance in distances.tolist():
        if distance:
            place += distance
            if place > 32:
                raise FingerprintBroken("a bit beyond the thirty-second")
            value ^= 1 << (place - 1)
        else:
            found.append(value)
            place = 0
    return np.array(found, dtype=np.uint32)
