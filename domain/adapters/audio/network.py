"""The taggers' network, put together as ONNX from the arrays of a checkpoint.

Patches (n, 187, 96) go in; `tags` (n, 50) and `embedding` (n, 200) come out. In each block the convolution's
bias and ReLU come before its normalisation, as in training. It gives what the plain network gives but for
rounding, in half the time. `onnx` is loaded here alone: it is needed at set-up, not to analyse.

Source: Pons and Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging", 2019.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from domain.adapters.audio.checkpoint import CheckpointBroken
from domain.adapters.audio.short_convolution import matrices
from domain.audio.mel import BANDS, FRAMES

TAGS = 50
WIDTH = 200

# What runs it may be older than what wrote it.
_OPSET = 17
_IR_VERSION = 8
_EPSILON = np.float32(1e-3)
# Heights in mel bands and how many filters, of the two timbral blocks; lengths in frames, of the temporal.
_TIMBRAL = ((38, 204), (67, 204))
_TEMPORAL = ((128, 51), (64, 51), (32, 51))
_FRONT = 2 * 204 + 3 * 51
_MIDDLE = 64
_POOLED = _FRONT + 3 * _MIDDLE
# Frames that a timbral filter is moved over at once.
_RUN = 6

Array = NDArray[np.float32]


def build(arrays: Mapping[str, Array]) -> bytes:
    """The network of a checkpoint's arrays as an ONNX file. Raises CheckpointBroken when one does not fit."""
    network = _Network(arrays)
    front = network.front_end()
    middle = network.middle(front)
    network.back_end(middle)
    return network.bytes()


class _Network:
    """Nodes and numbers as they are added; each method gives the name of what it adds."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = {name.removeprefix("model/"): array for name, array in arrays.items()}
        self._nodes: list[onnx.NodeProto] = []
        self._numbers: list[onnx.TensorProto] = []

    def front_end(self) -> str:
        """(n, 561, 187): what sounds, by tall filters, and how it moves, by long ones."""
        picture = self._add("Unsqueeze", "patches", self._ints("one", [1]))
        picture = self._normalised(picture, "batch_normalization", 1, 4)
        blocks = []
        for place, (tall, filters) in enumerate(_TIMBRAL):
            # Time is padded, frequency is not: the place of a filter on it tells one sound from another.
            blocks.append(self._block(picture, place, (7, tall, 1, filters), quick=True))
        for place, (long, filters) in enumerate(_TEMPORAL, start=len(_TIMBRAL)):
            blocks.append(self._block(picture, place, (long, 1, 1, filters), quick=False))
        return self._add("Concat", *blocks, axis=1)

    def middle(self, front: str) -> str:
        """(n, 753, 187): three convolutions over time, the later two added to what they were given."""
        given, widths, layers = front, (_FRONT, _MIDDLE, _MIDDLE), [front]
        for place, width in enumerate(widths, start=5):
            made = self._convolution(given, place, (7, width, 1, _MIDDLE))
            made = self._normalised(made, f"batch_normalization_{place + 1}", _MIDDLE, 3)
            given = made if place == 5 else self._add("Add", made, given)
            layers.append(given)
        return self._add("Concat", *layers, axis=1)

    def back_end(self, layers: str) -> None:
        """Each channel's peak and mean over time, a dense layer (the embedding), and the tags."""
        peak = self._add("ReduceMax", layers, axes=[2], keepdims=1)
        mean = self._add("ReduceMean", layers, axes=[2], keepdims=1)
        pooled = self._add("Flatten", self._add("Concat", peak, mean, axis=2), axis=1)
        pooled = self._normalised(pooled, "batch_normalization_9", 2 * _POOLED, 2)
        dense = self._add("Relu", self._dense(pooled, "dense", 2 * _POOLED, WIDTH))
        self._normalised(dense, "batch_normalization_10", WIDTH, 2, gives="embedding")
        self._add("Sigmoid", self._dense("embedding", "dense_1", WIDTH, TAGS), gives="tags")

    def bytes(self) -> bytes:
        """The whole as a checked ONNX file."""
        give = [("tags", TAGS), ("embedding", WIDTH)]
        graph = helper.make_graph(
            self._nodes,
            "musicnn",
            [helper.make_tensor_value_info("patches", TensorProto.FLOAT, ["n", FRAMES, BANDS])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width]) for name, width in give],
            self._numbers,
        )
        opset = helper.make_opsetid("", _OPSET)
        model = helper.make_model(
            graph, opset_imports=[opset], ir_version=_IR_VERSION, producer_name="catalograph"
        )
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))

    def _block(self, picture: str, place: int, shape: tuple[int, int, int, int], *, quick: bool) -> str:
        """Convolution, bias, ReLU, normalisation, and over frequency only the strongest.

        What follows the convolution rises with it in some channels and falls in the others, so the strongest
        can be taken before it, of which there is only one where there were dozens.
        """
        name = f"conv2d_{place}" if place else "conv2d"
        scale, shift = self._scale_and_shift(f"batch_normalization_{place + 1}", shape[3])
        turned = np.where(scale < 0, -1, 1).astype(np.float32)
        kernel = self._array(f"{name}/kernel", shape)[:, :, 0, :] * turned
        strongest = self._quickly(name, picture, kernel) if quick else self._plainly(name, picture, kernel)
        made = self._by_channel("Mul", strongest, f"{name}/turned", turned)
        made = self._add("Relu", self._by_channel("Add", made, f"{name}/bias", self._bias(name, shape[3])))
        made = self._by_channel("Mul", made, f"{name}/scale", scale)
        return self._by_channel("Add", made, f"{name}/shift", shift)

    def _plainly(self, name: str, picture: str, kernel: Array) -> str:
        """The convolution with a kernel (time, frequency, channels), and over frequency the strongest."""
        long = kernel.shape[0]
        weights = self._number(f"{name}/kernel", kernel.transpose(2, 0, 1)[:, None])
        made = self._add("Conv", picture, weights, pads=[(long - 1) // 2, 0, long // 2, 0])
        strongest = self._add("MaxPool", made, kernel_shape=[1, BANDS - kernel.shape[1] + 1])
        return self._add("Squeeze", strongest, self._ints(f"{name}/last", [3]))

    def _quickly(self, name: str, picture: str, kernel: Array) -> str:
        """The same in a third of the products: frames in runs, each known by its values at some places."""
        long, tall, channels = kernel.shape
        runs, left = -(-FRAMES // _RUN), BANDS - tall + 1
        places = _RUN + long - 1
        frames, filters, made = matrices(_RUN, long)
        before = (long - 1) // 2
        # (1, places, runs, bands)
        valued = self._add(
            "Conv",
            picture,
            self._number(f"{name}/frames", frames.reshape(places, 1, places, 1)),
            strides=[_RUN, 1],
            pads=[before, 0, runs * _RUN + long - 1 - FRAMES - before, 0],
        )
        weights = np.einsum("pt,tfc->pcf", filters, kernel.astype(np.float64))
        multiplied = self._add(
            "Conv",
            valued,
            self._number(f"{name}/kernel", weights.reshape(places * channels, 1, 1, tall)),
            group=places,
        )
        rows = self._add("Reshape", multiplied, self._ints(f"{name}/rows", [places, channels * runs * left]))
        put = self._add("MatMul", self._number(f"{name}/made", made), rows)
        cells = self._add("Reshape", put, self._ints(f"{name}/cells", [_RUN, channels, runs, left]))
        strongest = self._add("ReduceMax", cells, axes=[3], keepdims=0)
        in_order = self._add("Transpose", strongest, perm=[1, 2, 0])
        line = self._add("Reshape", in_order, self._ints(f"{name}/line", [1, channels, runs * _RUN]))
        ends = (self._ints(f"{name}/{at}", [value]) for at, value in (("from", 0), ("to", FRAMES), ("of", 2)))
        return self._add("Slice", line, *ends)

    def _convolution(self, given: str, place: int, shape: tuple[int, int, int, int]) -> str:
        """Over time alone: the kernel's (length, in, 1, out) has its two middle axes changed."""
        name = f"conv2d_{place}"
        kernel = self._array(f"{name}/kernel", (shape[0], shape[1], 1, shape[3]))
        weights = self._number(f"{name}/kernel", kernel[:, :, 0, :].transpose(2, 1, 0))
        bias = self._number(f"{name}/bias", self._bias(name, shape[3]))
        return self._add("Relu", self._add("Conv", given, weights, bias, pads=[3, 3]))

    def _normalised(self, given: str, name: str, width: int, axes: int, gives: str = "") -> str:
        """Batch normalisation as it stands after training: times a number and plus a number, by channel."""
        scale, shift = self._scale_and_shift(name, width)
        shape = (1, width) + (1,) * (axes - 2)
        factor = self._number(f"{name}/scale", scale.reshape(shape))
        return self._add(
            "Add",
            self._add("Mul", given, factor),
            self._number(f"{name}/shift", shift.reshape(shape)),
            gives=gives,
        )

    def _scale_and_shift(self, name: str, width: int) -> tuple[Array, Array]:
        gamma, beta, mean, variance = (
            self._array(f"{name}/{part}", (width,))
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        if (variance < 0).any():
            raise CheckpointBroken(f"{name}: a variance below zero")
        scale = gamma / np.sqrt(variance + _EPSILON)
        return scale, beta - mean * scale

    def _by_channel(self, kind: str, given: str, name: str, numbers: Array) -> str:
        return self._add(kind, given, self._number(name, numbers.reshape(1, -1, 1)))

    def _bias(self, name: str, width: int) -> Array:
        return self._array(f"{name}/bias", (width,))

    def _dense(self, given: str, name: str, wide: int, gives: int) -> str:
        kernel = self._number(f"{name}/kernel", self._array(f"{name}/kernel", (wide, gives)))
        return self._add("Gemm", given, kernel, self._number(f"{name}/bias", self._bias(name, gives)))

    def _array(self, name: str, shape: tuple[int, ...]) -> Array:
        array = self._arrays.get(name)
        if array is None or array.shape != shape:
            found = "absent" if array is None else f"of shape {array.shape}"
            raise CheckpointBroken(f"{name} is {found}; the network has {shape} there")
        if not np.isfinite(array).all():
            raise CheckpointBroken(f"{name} holds what is no number")
        return array

    def _number(self, name: str, array: "Array | NDArray[np.float64]") -> str:
        self._numbers.append(numpy_helper.from_array(np.ascontiguousarray(array, dtype=np.float32), name))
        return name

    def _ints(self, name: str, values: list[int]) -> str:
        self._numbers.append(numpy_helper.from_array(np.array(values, dtype=np.int64), name))
        return name

    def _add(self, kind: str, *given: str, gives: str = "", **attributes: Any) -> str:
        gives = gives or f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(given), [gives], **attributes))
        return gives
