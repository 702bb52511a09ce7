"""The taught networks: what is stored is whole, chances are chances, and they say how sure they are."""

import numpy as np
import pytest

from domain.audio import key, network, tempo
from tests.bench import audio_training
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


def test_calibrated_chances_keep_their_order_and_their_sum() -> None:
    stored = network.load("tempo")
    for best in (0.3, 0.55, 0.8, 0.999):
        sure = stored.calibrated(np.array([best, (1 - best) * 0.7, (1 - best) * 0.3]))
        assert np.all(np.diff(sure) <= 0)
        assert sure.sum() <= 1.0001


def _examples(count: int) -> list[audio_training.Example]:
    """Choices of three, the right one told by its first feature, some wrongly."""
    dice = np.random.default_rng(3)
    made = []
    for at in range(count):
        right = np.zeros((3, 1))
        right[int(dice.integers(3))] = 1
        features = np.concatenate(
            [right + 0.5 * dice.standard_normal((3, 1)), dice.standard_normal((3, 2))], axis=1
        )
        made.append(audio_training.Example(style=f"style {at % 4}", features=features, right=right))
    return made


def test_a_network_learns_and_tells_how_sure_it_is() -> None:
    examples = _examples(400)
    told = audio_training.unseen(examples, 0.01, [at % 2 for at in range(len(examples))])
    assert told[:, 1].mean() > 0.75
    pairs = audio_training.table(told)
    sure = np.interp(told[:, 0], pairs[:, 0], pairs[:, 1])
    assert abs(sure.mean() - told[:, 1].mean()) < 0.03
    several = [audio_training.teach(examples[:100], 0.01, seed) for seed in range(2)]
    one, other, both = (
        network.parse({"version": "", **numbers}) for numbers in (*several, audio_training.together(several))
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
