"""The two embedded taggers: one trained on the Million Song Dataset, one on MagnaTagATune.

The first knows genres, moods and eras, the second instruments, voices and pace. Both run by onnxruntime in
one thread, on pictures of three seconds spread over the sound; what they say of each is averaged.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from domain.adapters.audio.weights import VERSION, Weights
from domain.audio import embedding, labels, mel
from domain.audio.analysis import Labels, Tagged
from domain.audio.hearing import nothing_to_hear
from domain.audio.weights import WeightsAbsent

if TYPE_CHECKING:
    import onnxruntime

# Of what comes out: a change of how labels are drawn from tags, or vectors from numbers, is a new version.
MODEL = f"{VERSION}/{labels.VERSION}"

# Absent ones are looked for again: they may be installed while this process runs.
_LOADED: "dict[tuple[Path, bool], Taggers]" = {}
_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"

Samples1d = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What both taggers gave, averaged. scores: by tag, as `msd:rock`; vector: 200 and 200 numbers."""

    scores: dict[str, float]
    vector: NDArray[np.float32]


class Taggers:
    """Both taggers, loaded once for a process."""

    def __init__(self, weights: Weights, *, gpu: bool = False) -> None:
        """Raises WeightsAbsent."""
        self._sessions = {name: _session(weights.read(name), gpu=gpu) for name in labels.TAGS}

    def hear(self, samples: Samples1d, whole: mel.Picture | None = None) -> Heard:
        """What the taggers say of 16 kHz mono sound of at least a second.

        whole: its picture, where somebody made it already.
        """
        pictures = mel.patches(samples, whole)
        scores: dict[str, float] = {}
        vectors = []
        for name, session in self._sessions.items():
            # One at a time: a larger batch is no faster in one thread, and takes memory for each.
            given = [session.run(["tags", "embedding"], {"patches": one[None]}) for one in pictures]
            tags = np.mean([one[0][0] for one in given], axis=0)
            scores |= {
                f"{name}:{tag}": float(score) for tag, score in zip(labels.TAGS[name], tags, strict=True)
            }
            vectors.append(np.mean([one[1][0] for one in given], axis=0))
        return Heard(scores=scores, vector=np.concatenate(vectors))


def load_taggers(folder: Path, *, gpu: bool = False) -> Taggers | None:
    """The taggers whose weights a folder holds, loaded once; None where it holds none that are whole."""
    if (folder, gpu) not in _LOADED:
        try:
            _LOADED[folder, gpu] = Taggers(Weights(folder), gpu=gpu)
        except WeightsAbsent:
            return None
    return _LOADED[folder, gpu]


def tag(samples: Samples1d, models: Taggers | None, whole: mel.Picture | None = None) -> Tagged:
    """Labels, vector and pace of 16 kHz mono sound; where there are none, the reason.

    whole: its picture, where somebody made it already.
    """
    silent = nothing_to_hear(samples)
    if silent:
        return Tagged(labels=Labels(reason=silent))
    if models is None:
        return Tagged(labels=Labels(reason="the taggers' weights are not installed"))
    heard = models.hear(samples, whole)
    return Tagged(
        labels=labels.labels(heard.scores),
        embedding=embedding.embedding(heard.vector),
        raw={name: round(score, 4) for name, score in heard.scores.items()},
        pace=labels.pace(heard.scores),
    )


def providers(available: list[str], *, gpu: bool) -> list[str]:
    """What a network is run by, first choice first: the graphics card only where asked for and offered."""
    return [_CUDA, _CPU] if gpu and _CUDA in available else [_CPU]


def _session(network: bytes, *, gpu: bool) -> "onnxruntime.InferenceSession":
    # It takes 200 MB of address space, which is for nothing where there are no weights.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Files are analysed side by side in processes of their own; more threads would only be in their way.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    chosen = providers(onnxruntime.get_available_providers(), gpu=gpu)
    return onnxruntime.InferenceSession(network, options, providers=chosen)
