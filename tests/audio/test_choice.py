"""The taught networks: what is stored is whole, chances are chances, and they say how sure they are."""

import json
from pathlib import Path

import numpy as np
import pytest

from domain.audio import key, network, tempo
from tests.bench import audio_learning, audio_sound
from tests.bench.audio_scores import STYLES, compose

_VERSIONS = {"tempo": tempo.VERSION, "key": key.VERSION}


@pytest.mark.parametrize("name", ["tempo", "key"])
def test_what_is_stored_fits_the_code(name: str) -> None:
    stored = network.load(name)
    assert stored.version == _VERSIONS[name]
    assert np.all(np.diff(stored.table, axis=0) >= 0)
    assert stored.table[0, 0] == 0
    assert stored.table[-1, 0] == 1
    width = stored.center.size
    chances = stored.chances(np.random.default_rng(1).standard_normal((12, width)))
    assert chances.sum() == pytest.approx(1)
    assert chances.min() >= 0


@pytest.mark.parametrize("name", ["tempo", "key"])
def test_what_is_stored_was_taught_with_the_figures_that_are_measured(name: str) -> None:
    """Where they differ, networks choose by figures that they never learned: teach them anew."""
    kept = json.loads(Path(network.__file__).with_name("learned").joinpath(f"{name}.json").read_text())
    now, spread = audio_sound.fitting()[name], np.array(kept["spread"])
    for part, told in kept["fits"].items():
        assert np.abs((np.array(now[part]) - told) / spread).max() < 0.05, (
            "python3 -m tests.bench.audio_training … --write"
        )


def test_calibrated_chances_keep_their_order_and_their_sum() -> None:
    stored = network.load("tempo")
    for best in (0.3, 0.55, 0.8, 0.999):
        sure = stored.calibrated(np.array([best, (1 - best) * 0.7, (1 - best) * 0.3]))
        assert np.all(np.diff(sure) <= 0)
        assert sure.sum() <= 1.0001


def _examples(count: int) -> list[audio_learning.Example]:
    """Choices of three, the right one told by its first feature, some wrongly."""
    dice = np.random.default_rng(3)
    made = []
    for at in range(count):
        right = np.zeros((3, 1))
        right[int(dice.integers(3))] = 1
        features = np.concatenate(
            [right + 0.5 * dice.standard_normal((3, 1)), dice.standard_normal((3, 2))], axis=1
        )
        made.append(
            audio_learning.Example(
                made="ours", style=f"style {at % 4}", features=features, right=right, worth=right
            )
        )
    return made


def test_a_network_learns_and_tells_how_sure_it_is() -> None:
    examples = _examples(400)
    chances = audio_learning.unseen(examples, 0.01, [at % 2 for at in range(len(examples))])
    told = audio_learning.first(examples, chances)
    assert told[:, 1].mean() > 0.75
    pairs = audio_learning.table(told)
    sure = np.interp(told[:, 0], pairs[:, 0], pairs[:, 1])
    assert abs(sure.mean() - told[:, 1].mean()) < 0.03
    several = [audio_learning.teach(examples[:100], 0.01, seed) for seed in range(2)]
    one, other, both = (
        network.parse({"version": "", **numbers}) for numbers in (*several, audio_learning.together(several))
    )
    mean = np.sqrt(one.chances(examples[0].features) * other.chances(examples[0].features))
    assert both.chances(examples[0].features) == pytest.approx(mean / mean.sum(), abs=1e-5)


@pytest.mark.parametrize("style", list(STYLES))
def test_scores_repeat_and_stay_in_their_key(style: str) -> None:
    score = compose(style, 7, seconds=12)
    assert score == compose(style, 7, seconds=12)
    low, high = STYLES[style].bpm
    assert low <= score.bpm <= high
    pitched = [note.pitch for note in score.notes if note.program >= 0]
    assert min(pitched) >= 28
    steps = {0, 2, 4, 5, 7, 9, 11} if score.scale == "major" else {0, 2, 3, 5, 7, 8, 10}
    inside = [(pitch - score.tonic) % 12 in steps for pitch in pitched]
    assert np.mean(inside) > 0.75
