"""The reader of checkpoints: what it gives of a whole one, and that a broken one is refused, not read."""

import random
import struct
from collections.abc import Sequence

import numpy as np
import pytest

from domain.adapters.audio.checkpoint import CheckpointBroken, read_checkpoint

MAGIC = 0xDB4775248B80FB57


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def entry(shape: Sequence[int], offset: int, size: int, dtype: int = 1, shard: int = 0) -> bytes:
    lengths = b"".join(b"\x12" + varint(len(one)) + one for one in (b"\x08" + varint(n) for n in shape))
    return (
        b"\x08" + varint(dtype) + b"\x12" + varint(len(lengths)) + lengths + b"\x18" + varint(shard)
        + b"\x20" + varint(offset) + b"\x28" + varint(size) + b"\x35" + b"\0\0\0\0"
    )  # fmt: skip


def block(pairs: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Entries whose keys are told by what they share with the one before, as the format has it."""
    out, before = b"", b""
    for key, value in pairs:
        shared = next(
            (i for i, (a, b) in enumerate(zip(key, before, strict=False)) if a != b),
            min(len(key), len(before)),
        )
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    return out + struct.pack("<II", 0, 1) + b"\0" + b"\0\0\0\0"


def table(pairs: Sequence[tuple[bytes, bytes]]) -> bytes:
    data = block(pairs)
    handle = varint(0) + varint(len(data) - 5)
    names = block([(b"zzz", handle)])
    empty = block([])
    footer = (
        varint(len(data) + len(names)) + varint(len(empty) - 5) + varint(len(data)) + varint(len(names) - 5)
    )
    return data + names + empty + footer.ljust(40, b"\0") + struct.pack("<Q", MAGIC)


A = np.arange(6, dtype=np.float32)
B = np.array([7.5], dtype=np.float32)
DATA = A.tobytes() + B.tobytes() + b"\0" * 8
HEADER = b"\x08\x01"
PAIRS = [
    (b"", HEADER),
    (b"layer/bias", entry((1,), 24, 4)),
    (b"layer/bias/Adam", entry((1,), 24, 4)),
    (b"layer/kernel", entry((2, 3), 0, 24)),
    (b"steps", entry((), 28, 8, dtype=9)),
]


def test_arrays_are_read_by_name_and_shape() -> None:
    found = read_checkpoint(table(PAIRS), DATA)
    assert set(found) == {"layer/bias", "layer/kernel"}
    np.testing.assert_array_equal(found["layer/kernel"], A.reshape(2, 3))
    np.testing.assert_array_equal(found["layer/bias"], B)


@pytest.mark.parametrize(
    ("pairs", "data", "said"),
    [
        ([(b"", HEADER), (b"a", entry((7,), 0, 28))], DATA[:24], "28 bytes at 0"),
        ([(b"", HEADER), (b"a", entry((2, 3), 8, 24))], DATA[:28], "24 bytes at 8"),
        ([(b"", HEADER), (b"a", entry((2, 3), 0, 20))], DATA, "20 bytes at 0"),
        ([(b"", HEADER), (b"a", entry((1 << 62, 1 << 62), 0, 24))], DATA, "24 bytes"),
        ([(b"", HEADER), (b"a", entry((1,), 0, 4, shard=1))], DATA, "4 bytes"),
        ([(b"", b"\x08\x02"), (b"a", entry((1,), 0, 4))], DATA, "several files"),
        ([(b"", b"\x08\x01\x10\x01"), (b"a", entry((1,), 0, 4))], DATA, "big-endian"),
        ([(b"", HEADER), (b"a", entry((1,) * 9, 0, 4))], DATA, "9 dimensions"),
        ([(b"", HEADER), (b"a", entry((1,), 0, 4) + b"\x3a\x00")], DATA, "slices"),
        ([(b"", HEADER), (b"a", b"\x12\x7f")], DATA, "beyond its message"),
        ([(b"", HEADER), (b"a", b"\x0b")], DATA, "kind 3"),
        ([(b"", HEADER), (b"a", b"\x08" + b"\xff" * 11)], DATA, "more than ten bytes"),
        ([(b"", HEADER)], DATA, "no float array"),
    ],
)
def test_an_entry_that_does_not_fit_is_refused(
    pairs: list[tuple[bytes, bytes]], data: bytes, said: str
) -> None:
    with pytest.raises(CheckpointBroken, match=said):
        read_checkpoint(table(pairs), data)


def test_a_file_that_is_no_table_is_refused() -> None:
    whole = table(PAIRS)
    for broken, said in (
        (b"", "at least 48"),
        (b"x" * 100, "does not end as a table"),
        (
            whole[:-48] + varint(0) * 2 + varint(9999) + varint(50) + b"\0" * 33 + whole[-8:],
            "outside the index",
        ),
    ):
        with pytest.raises(CheckpointBroken, match=said):
            read_checkpoint(broken[: len(broken)], DATA)
    compressed = bytearray(whole)
    compressed[len(block(PAIRS)) - 5] = 1
    with pytest.raises(CheckpointBroken, match="compressed"):
        read_checkpoint(bytes(compressed), DATA)


def test_no_damage_makes_it_fail_in_another_way() -> None:
    dice = random.Random(7)
    whole = table(PAIRS)
    refused = 0
    for _ in range(3_000):
        broken = bytearray(whole)
        for _ in range(dice.choice((1, 1, 2, 8))):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        try:
            read_checkpoint(bytes(broken[: dice.choice((len(broken), dice.randrange(len(broken))))]), DATA)
        except CheckpointBroken:
            refused += 1
    assert refused > 1_500
