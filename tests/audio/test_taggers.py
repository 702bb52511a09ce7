"""The embedded taggers: the network against its definition, and what they say of sounds made here."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from domain.adapters.audio import network
from domain.adapters.audio.analyse import analyse
from domain.adapters.audio.checkpoint import CheckpointBroken
from domain.adapters.audio.musicnn import providers, tag
from domain.adapters.audio.orders import Settings
from domain.audio import labels, mel
from domain.audio.analysis import Analysis
from domain.audio.embedding import similarity
from tests.audio.made import encoded
from tests.weights import taggers, weights_folder

Array = NDArray[np.float64]
RATE = mel.RATE_HZ


def arrays(seed: int = 1) -> dict[str, NDArray[np.float32]]:
    """Numbers of the network's shapes, drawn from dice."""
    dice = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {
        "conv2d/kernel": (7, 38, 1, 204), "conv2d_1/kernel": (7, 67, 1, 204),
        "conv2d_2/kernel": (128, 1, 1, 51), "conv2d_3/kernel": (64, 1, 1, 51),
        "conv2d_4/kernel": (32, 1, 1, 51), "conv2d_5/kernel": (7, 561, 1, 64),
        "conv2d_6/kernel": (7, 64, 1, 64), "conv2d_7/kernel": (7, 64, 1, 64),
        "dense/kernel": (1506, 200), "dense_1/kernel": (200, 50),
    }  # fmt: skip
    made = {}
    for name, shape in shapes.items():
        made[name] = dice.normal(0, 1 / np.sqrt(np.prod(shape[:-1])), shape)
        made[name.replace("kernel", "bias")] = dice.normal(0, 0.1, shape[-1:])
    for place, width in enumerate((1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200)):
        name = f"batch_normalization_{place}" if place else "batch_normalization"
        # What falls, and what is left out, must come out as well as what rises.
        made[f"{name}/gamma"] = dice.uniform(0.5, 1.5, width) * dice.choice((-1, 0, 1, 1), width)
        made[f"{name}/beta"] = dice.normal(0, 0.2, width)
        made[f"{name}/moving_mean"] = dice.normal(0, 0.2, width)
        made[f"{name}/moving_variance"] = dice.uniform(0.5, 1.5, width)
    made["batch_normalization/gamma"] = np.ones(1)
    return {name: array.astype(np.float32) for name, array in made.items()}


class Defined:
    """The network as its authors describe it, in TensorFlow's own order of axes, and in plain sums."""

    def __init__(self, given: dict[str, NDArray[np.float32]]) -> None:
        self.of = {name: array.astype(np.float64) for name, array in given.items()}

    def normal(self, x: Array, place: int) -> Array:
        name = f"batch_normalization_{place}" if place else "batch_normalization"
        of = {part: self.of[f"{name}/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance")}
        scaled: Array = (x - of["moving_mean"]) / np.sqrt(of["moving_variance"] + 1e-3) * of["gamma"] + of[
            "beta"
        ]
        return scaled

    def convolution(self, x: Array, name: str) -> Array:
        """x: (time, frequency, channels), padded; only where the kernel fits."""
        kernel = self.of[f"{name}/kernel"]
        seen = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(0, 1))
        summed = np.einsum("tfcab,abco->tfo", seen, kernel, optimize=True)
        return np.asarray(np.maximum(summed + self.of[f"{name}/bias"], 0))

    def __call__(self, picture: Array) -> tuple[Array, Array]:
        x = self.normal(picture[:, :, None], 0)
        front = []
        for place in range(5):
            name = f"conv2d_{place}" if place else "conv2d"
            long = self.of[f"{name}/kernel"].shape[0]
            padded = np.pad(x, (((long - 1) // 2, long // 2), (0, 0), (0, 0)))
            front.append(self.normal(self.convolution(padded, name), place + 1).max(axis=1))
        layers = [np.concatenate(front, axis=1)]
        for place in (5, 6, 7):
            kernel = self.of[f"conv2d_{place}/kernel"]
            padded = np.pad(layers[-1], ((3, 3), (0, 0)))
            # Here the channels lie where frequency lay, and the kernel is as wide as they are.
            seen = np.lib.stride_tricks.sliding_window_view(padded, 7, axis=0)
            summed = np.einsum("tca,aco->to", seen, kernel[:, :, 0, :], optimize=True)
            made = self.normal(np.maximum(summed + self.of[f"conv2d_{place}/bias"], 0), place + 1)
            layers.append(made if place == 5 else made + layers[-1])
        together = np.concatenate(layers, axis=1)
        pooled = np.stack([together.max(axis=0), together.mean(axis=0)], axis=1).reshape(-1)
        dense = np.maximum(self.normal(pooled, 9) @ self.of["dense/kernel"] + self.of["dense/bias"], 0)
        embedding = self.normal(dense, 10)
        return 1 / (1 + np.exp(-(embedding @ self.of["dense_1/kernel"] + self.of["dense_1/bias"]))), embedding


def test_the_network_is_what_its_authors_describe() -> None:
    given = arrays()
    session = onnxruntime.InferenceSession(network.build(given), providers=["CPUExecutionProvider"])
    picture = np.random.default_rng(2).uniform(0, 4, (187, 96)).astype(np.float32)
    tags, embedding = session.run(["tags", "embedding"], {"patches": picture[None]})
    expected_tags, expected_embedding = Defined(given)(picture.astype(np.float64))
    np.testing.assert_allclose(embedding[0], expected_embedding, atol=2e-4)
    np.testing.assert_allclose(tags[0], expected_tags, atol=2e-5)
    assert expected_tags.std() > 0.01, "the numbers say nothing"


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("dense/kernel", None, "dense/kernel is absent"),
        ("conv2d/kernel", np.zeros((7, 38, 1, 203)), "of shape"),
        ("batch_normalization_3/moving_variance", np.full(51, -1.0), "below zero"),
        ("dense_1/bias", np.full(50, np.nan), "no number"),
    ],
)
def test_numbers_that_do_not_fit_the_network_are_refused(name: str, change: Array | None, said: str) -> None:
    given = arrays()
    if change is None:
        del given[name]
    else:
        given[name] = change.astype(np.float32)
    with pytest.raises(CheckpointBroken, match=said):
        network.build(given)


def test_a_graphics_card_is_used_where_asked_for_and_offered() -> None:
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    assert providers(both, gpu=True) == both
    assert providers(both, gpu=False) == ["CPUExecutionProvider"]
    assert providers(["CPUExecutionProvider"], gpu=True) == ["CPUExecutionProvider"]


def test_every_tag_is_known_by_place() -> None:
    assert {name: len(tags) for name, tags in labels.TAGS.items()} == {"msd": 50, "mtt": 50}
    assert (labels.TAGS["msd"][0], labels.TAGS["msd"][-1]) == ("rock", "happy")
    assert (labels.TAGS["mtt"][0], labels.TAGS["mtt"][-1]) == ("guitar", "choral")
    known = {f"{name}:{tag}" for name, tags in labels.TAGS.items() for tag in tags}
    for words in (labels.GENRES, labels.MOODS, labels.INSTRUMENTS, labels.VOCALS, labels.ERAS):
        assert {tag for tags in words.values() for tag in tags} <= known


def clip(kind: str, seconds: float = 8.0) -> mel.Samples1d:
    """Sounds of which one knows what they are, without a file."""
    t = np.arange(int(seconds * RATE)) / RATE
    dice = np.random.default_rng(3)
    if kind == "silence":
        made = np.zeros(t.size)
    elif kind == "quiet noise":
        made = dice.standard_normal(t.size) * 10 ** (-75 / 20)
    elif kind == "noise":
        made = dice.standard_normal(t.size) * 0.1
    elif kind == "tone":
        made = 0.3 * np.sin(2 * np.pi * 1000 * t)
    elif kind == "hum":
        made = np.sum([0.2 / k * np.sin(2 * np.pi * 50 * k * t) for k in range(1, 9)], axis=0)
    elif kind == "short":
        made = 0.3 * np.sin(2 * np.pi * 440 * t[: RATE // 2])
    else:
        made = _machine(t, dice)
    return made.astype(np.float32)


def _machine(t: Array, dice: np.random.Generator) -> Array:
    """Four on the floor at 130, an off-beat hat and a bass of square waves."""
    beat = t * 130 / 60 % 1
    kick = np.sin(2 * np.pi * 50 * t + 8 * np.exp(-40 * beat)) * np.exp(-12 * beat)
    hat = dice.standard_normal(t.size) * np.exp(-60 * ((beat + 0.5) % 1)) * 0.3
    step = (t * 130 / 60 * 4).astype(int)
    notes = np.array([55.0, 55.0, 110.0, 65.4, 55.0, 82.4, 55.0, 110.0])[step % 8]
    bass = 0.3 * np.sign(np.sin(2 * np.pi * np.cumsum(notes) / RATE)) * np.exp(-4 * (t * 130 / 60 * 4 % 1))
    return np.asarray(0.5 * (0.8 * kick + hat + bass))


@pytest.mark.parametrize("kind", ["silence", "quiet noise", "noise", "tone", "hum", "short"])
def test_nothing_is_heard_where_there_is_no_music(kind: str) -> None:
    tagged = tag(clip(kind), taggers())
    assert tagged.labels.reason
    heard = tagged.labels
    assert heard.genre + heard.mood + heard.instruments + heard.vocals + heard.era == ()
    assert (tagged.embedding, tagged.pace) == (None, 0.0)


def test_a_drum_machine_is_electronic() -> None:
    tagged = tag(clip("machine"), taggers())
    assert tagged.labels.reason is None
    assert tagged.labels.genre[0].name in ("electronic", "techno", "house")
    assert tagged.embedding is not None
    assert len(tagged.embedding) == 400
    assert np.linalg.norm(tagged.embedding) == pytest.approx(1, abs=1e-4)
    assert tagged.pace > 0
    assert set(tagged.raw) == {f"{name}:{one}" for name, tags in labels.TAGS.items() for one in tags}


def test_loudness_changes_little_and_another_sound_much() -> None:
    one = tag(clip("machine"), taggers())
    quieter = tag(clip("machine") * np.float32(0.5), taggers())
    t = np.arange(8 * RATE) / RATE
    notes = np.array([262.0, 330.0, 392.0, 523.0])[(t * 2).astype(int) % 4]
    flute = (0.2 * np.sin(2 * np.pi * np.cumsum(notes) / RATE) * np.minimum(1, t * 2 % 1 * 8)).astype(
        np.float32
    )
    other = tag(flute, taggers())
    assert one.embedding
    assert quieter.embedding
    assert other.embedding
    assert similarity(one.embedding, quieter.embedding) > 0.8
    assert similarity(one.embedding, other.embedding) < 0.4


def test_without_weights_it_says_so() -> None:
    tagged = tag(clip("machine"), None)
    assert tagged.labels.reason == "the taggers' weights are not installed"
    assert tagged.embedding is None


def test_an_analysis_has_what_was_heard(tmp_path: Path) -> None:
    path = tmp_path / "machine.wav"
    path.write_bytes(encoded(clip("machine", 12.0)[None], rate_hz=RATE))
    found = analyse(path, settings=Settings(weights=str(weights_folder())))
    assert isinstance(found, Analysis)
    assert found.tagged is not None
    assert found.tagged.labels.genre[0].name in ("electronic", "techno", "house")
    assert found.fingerprint is not None
    assert found.energy.value is not None
    assert found.danceability.value is not None
    assert found.danceability.value > 0.6
    assert {"tagged", "fingerprint", "heuristics"} <= set(found.models)
    deaf = analyse(path, frozenset({"tagged"}), Settings(weights=str(tmp_path / "none")))
    assert isinstance(deaf, Analysis)
    assert deaf.tagged is not None
    assert deaf.tagged.labels.reason == "the taggers' weights are not installed"
    assert deaf.models == {}, "what was not made has no version: it is made once the weights are there"
