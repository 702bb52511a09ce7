"""Reads the numbers of a TensorFlow checkpoint without TensorFlow: an index (a LevelDB table) and its data.

The index names each array, with its shape and where it lies in the data. Everything read is compared with
the bounds of what there is: a wrong file gives CheckpointBroken, never a wrong number.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FOOTER_BYTES = 48
_MAGIC = 0xDB4775248B80FB57
_TRAILER_BYTES = 5
_FLOAT32 = 1
_MOST_ENTRIES = 10_000
_MOST_DIMENSIONS = 8

Array = NDArray[np.float32]


class CheckpointBroken(ValueError):
    """The files are no checkpoint that can be read; the text says where it fails."""


@dataclass(frozen=True)
class _Entry:
    """Where an array lies. dtype: of TensorFlow's `types.proto`."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int


def read_checkpoint(index: bytes, data: bytes) -> dict[str, Array]:
    """Every float array by its name. What the optimiser kept for itself is left out.

    index: the `.index` file. data: the `.data-00000-of-00001` file.
    """
    found = {}
    for key, value in _table(index):
        name = key.decode("utf-8", errors="replace")
        if not name:
            _check_header(value)
        elif "Adam" not in name and (entry := _entry(name, value)).dtype == _FLOAT32:
            found[name] = _array(name, entry, data)
    if not found:
        raise CheckpointBroken("the checkpoint holds no float array")
    return found


def _array(name: str, entry: _Entry, data: bytes) -> Array:
    count = 1
    for length in entry.shape:
        count *= length
    if entry.shard != 0 or entry.size != 4 * count or entry.offset + entry.size > len(data):
        raise CheckpointBroken(
            f"{name}: {entry.size} bytes at {entry.offset} for shape {entry.shape}; the data has {len(data)}"
        )
    flat = np.frombuffer(data, dtype="<f4", count=count, offset=entry.offset)
    return flat.reshape(entry.shape).astype(np.float32)


def _table(index: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values in order: the index block names the data blocks, which hold the entries."""
    if len(index) < _FOOTER_BYTES:
        raise CheckpointBroken(f"the index has {len(index)} bytes; a table has at least {_FOOTER_BYTES}")
    footer = index[-_FOOTER_BYTES:]
    if int.from_bytes(footer[-8:], "little") != _MAGIC:
        raise CheckpointBroken("the index does not end as a table does")
    at = 0
    for _ in range(2):  # the block of meta data, which is empty here
        _, at = _varint(footer, at, "footer")
    offset, at = _varint(footer, at, "footer")
    size, _ = _varint(footer, at, "footer")
    entries = 0
    for _, handle in _block(index, offset, size):
        start, at = _varint(handle, 0, "handle")
        length, _ = _varint(handle, at, "handle")
        for entry in _block(index, start, length):
            entries += 1
            if entries > _MOST_ENTRIES:
                raise CheckpointBroken(f"the index has more than {_MOST_ENTRIES} entries")
            yield entry


def _block(index: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """The entries of one block; a key is told by how much of the one before it begins with."""
    if size < 4 or offset + size + _TRAILER_BYTES > len(index) - _FOOTER_BYTES:
        raise CheckpointBroken(f"a block of {size} bytes at {offset} lies outside the index")
    if index[offset + size] != 0:
        raise CheckpointBroken(f"the block at {offset} is compressed, which checkpoints are not")
    block = index[offset : offset + size]
    restarts = int.from_bytes(block[-4:], "little")
    end = size - 4 - 4 * restarts
    if end < 0:
        raise CheckpointBroken(f"the block at {offset} says it has {restarts} restarts in {size} bytes")
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at, "entry")
        unshared, at = _varint(block, at, "entry")
        length, at = _varint(block, at, "entry")
        if shared > len(key) or at + unshared + length > end:
            raise CheckpointBroken(f"an entry reaches beyond its block at {offset}")
        key = key[:shared] + block[at : at + unshared]
        at += unshared
        yield key, block[at : at + length]
        at += length


def _check_header(value: bytes) -> None:
    """The first entry: one file of data, little-endian."""
    for field, _, number in _fields(value, "header"):
        if (field == 1 and number != 1) or (field == 2 and number != 0):
            raise CheckpointBroken("the data lies in several files or is big-endian")


def _entry(name: str, value: bytes) -> _Entry:
    """A `BundleEntryProto`: 1 type, 2 shape, 3 file, 4 offset, 5 size."""
    numbers = {1: 0, 3: 0, 4: 0, 5: 0}
    shape: tuple[int, ...] = ()
    for field, raw, number in _fields(value, name):
        if field == 2:
            shape = _shape(name, raw)
        elif field in numbers:
            numbers[field] = number
        elif field == 7:
            raise CheckpointBroken(f"{name} is stored in slices, which this reader does not put together")
    return _Entry(numbers[1], shape, numbers[3], numbers[4], numbers[5])


def _shape(name: str, value: bytes) -> tuple[int, ...]:
    lengths = []
    for field, raw, _ in _fields(value, name):
        if field == 2:
            sizes = [number for inner, _, number in _fields(raw, name) if inner == 1]
            lengths.append(sizes[-1] if sizes else 0)
    if len(lengths) > _MOST_DIMENSIONS:
        raise CheckpointBroken(f"{name} has {len(lengths)} dimensions; at most {_MOST_DIMENSIONS}")
    return tuple(lengths)


def _fields(value: bytes, name: str) -> Iterator[tuple[int, bytes, int]]:
    """The fields of a protobuf message: number, bytes (for those that have a length), number (for others)."""
    at = 0
    while at < len(value):
        tag, at = _varint(value, at, name)
        kind = tag & 7
        if kind == 0:
            number, at = _varint(value, at, name)
            yield tag >> 3, b"", number
            continue
        if kind == 2:
            length, at = _varint(value, at, name)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise CheckpointBroken(f"{name}: a field of kind {kind}, which protobuf does not have")
        if at + length > len(value):
            raise CheckpointBroken(f"{name}: a field of {length} bytes reaches beyond its message")
        yield tag >> 3, value[at : at + length], 0
        at += length


def _varint(value: bytes, at: int, name: str) -> tuple[int, int]:
    """A number of seven bits a byte, and where the next one begins."""
    number = 0
    for place in range(10):
        if at + place >= len(value):
            raise CheckpointBroken(f"{name}: a number reaches beyond its end")
        byte = value[at + place]
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number, at + place + 1
    raise CheckpointBroken(f"{name}: a number of more than ten bytes")
