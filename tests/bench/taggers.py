"""Makes `domain/audio/taggers.json`: `python -m tests.bench.taggers CLIPS.csv WEIGHTS_FOLDER [--write]`.

CLIPS.csv has the columns file, style, maker. Maker is who made the clip (a generator, a library of styles):
each maker's clips are judged by a fit that has heard none of theirs. A clip whose style is no genre counts
for the means alone. What was heard is kept beside the CSV. By maker it prints how often the likeliest genre
is the true one, how often it is among the first three, and the expected calibration error.
"""

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from domain.adapters.audio.musicnn import Taggers
from domain.adapters.audio.weights import Weights
from domain.audio import labels
from domain.audio.mel import RATE_HZ

Floats = NDArray[np.float64]
Row = dict[str, Any]
TABLE = Path(labels.__file__).with_name("taggers.json")
RIDGE = 0.1
STEPS = 400
GENRE_OF = {
    "folk": "folk", "rock": "rock", "metal": "metal", "punk": "rock", "pop": "pop", "funk": "funk",
    "synthwave": "synthwave", "hiphop": "hip hop", "reggae": "reggae", "techno": "techno", "house": "house",
    "trance": "trance", "disco": "disco", "drum_and_bass": "drum and bass", "strings": "classical",
    "waltz": "classical", "classical": "classical", "swing_jazz": "jazz", "jazz": "jazz", "blues": "blues",
    "bossa": "latin", "latin": "latin", "country": "country", "slow_jam": "soul", "soul": "soul",
    "ambient": "ambient", "electronic": "electronic",
}  # fmt: skip


class Fit:
    """A multinomial logistic regression with a ridge over how far each tag stands out."""

    def __init__(self, rows: Sequence[Row], usual: dict[str, dict[str, float]]) -> None:
        self.usual = usual
        self.names = sorted({GENRE_OF[row["style"]] for row in rows})
        given = np.array([[*labels.standing_out(row["scores"], usual).values(), 1.0] for row in rows])
        target = np.array([[GENRE_OF[row["style"]] == one for one in self.names] for row in rows], np.float64)
        # Half-way between each clip and each genre counting alike.
        share = (target / target.sum(axis=0)).sum(axis=1) ** 0.5
        share /= share.mean()
        ridge = np.full((given.shape[1], 1), RIDGE)
        ridge[-1] = 0
        both = np.zeros((given.shape[1], len(self.names)))
        first, second = np.zeros_like(both), np.zeros_like(both)
        for step in range(1, STEPS + 1):
            scores = given @ both
            scores = np.exp(scores - scores.max(axis=1, keepdims=True))
            scores /= scores.sum(axis=1, keepdims=True)
            slope = given.T @ ((scores - target) * share[:, None]) / len(given) + ridge * both
            first = 0.9 * first + 0.1 * slope
            second = 0.999 * second + 0.001 * slope**2
            both -= 0.02 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        self.weights, self.bias = both[:-1], both[-1]

    def told(self, row: Row) -> dict[str, float]:
        """Scores by genre, as `labels.genres` has them before they are calmed."""
        out = np.array(list(labels.standing_out(row["scores"], self.usual).values()))
        fitted = dict(zip(self.names, (out @ self.weights + self.bias).tolist(), strict=True))
        return labels.blended(fitted, row["scores"], self.usual["mean"])


def main(clips: Path, weights: Path, *, write: bool) -> None:
    """Hear what was not heard yet, judge, and keep the table if told to."""
    rows = heard(clips, weights)
    logits = np.array([[labels.logit(row["scores"][tag]) for tag in labels.ALL_TAGS] for row in rows])
    vectors = np.array([row["vector"] for row in rows])
    usual = {
        "mean": dict(zip(labels.ALL_TAGS, rounded(logits.mean(axis=0)), strict=True)),
        "deviation": dict(zip(labels.ALL_TAGS, rounded(np.maximum(logits.std(axis=0), 0.2)), strict=True)),
    }
    known = [row for row in rows if row["style"] in GENRE_OF]
    calm = judge(known, usual)
    if write:
        whole = Fit(known, usual)
        table = {
            "tags": usual,
            "embedding": {
                "mean": rounded(vectors.mean(axis=0)),
                "deviation": rounded(np.maximum(vectors.std(axis=0), 0.01)),
            },
            "genre": {
                "calm": calm,
                "bias": dict(zip(whole.names, rounded(whole.bias), strict=True)),
                "weights": {
                    name: rounded(column) for name, column in zip(whole.names, whole.weights.T, strict=True)
                },
            },
        }
        text = json.dumps(table, separators=(",", ":"))
        TABLE.write_text(text.replace("],", "],\n").replace("},", "},\n") + "\n")


def heard(clips: Path, weights: Path) -> list[Row]:
    """Style, maker, scores and vector of each clip."""
    kept = clips.with_suffix(".heard.json")
    if kept.exists():
        rows: list[Row] = json.loads(kept.read_text())
        return rows
    taggers, rows = Taggers(Weights(weights)), []
    with clips.open() as file:
        for clip in csv.DictReader(file):
            samples, rate = soundfile.read(clips.parent / clip["file"], dtype="float32", always_2d=True)
            one = taggers.hear(np.asarray(soxr.resample(samples.mean(axis=1), rate, RATE_HZ), np.float32))
            rows.append(clip | {"scores": one.scores, "vector": one.vector.tolist()})
    kept.write_text(json.dumps(rows))
    return rows


def judge(rows: Sequence[Row], usual: dict[str, dict[str, float]]) -> float:
    """Print how a fit without each maker does on their clips; gives what calms the scores.

    Each maker counts alike in that: minus the logarithm of what the truth was given is least.
    """
    told: dict[str, list[tuple[dict[str, float], str]]] = {}
    for maker in sorted({row["maker"] for row in rows}):
        fit = Fit([row for row in rows if row["maker"] != maker], usual)
        mine = [row for row in rows if row["maker"] == maker and GENRE_OF[row["style"]] in fit.names]
        told[maker] = [(fit.told(row), GENRE_OF[row["style"]]) for row in mine]

    def loss(calm: float) -> float:
        given = [
            np.mean([-np.log(labels.likelihoods(scores, calm)[true]) for scores, true in one])
            for one in told.values()
        ]
        return float(np.mean(given))

    calm = min([tenths / 10 for tenths in range(5, 50)], key=loss)
    told["all"] = [one for several in list(told.values()) for one in several]
    for maker, several in told.items():
        print(maker, figures([(labels.likelihoods(scores, calm), true) for scores, true in several]))
    print("calm", calm)
    return calm


def figures(judged: Sequence[tuple[dict[str, float], str]]) -> str:
    """How often the first and the first three are right, of the broad genres, and how sure that was."""
    sure, first, third = [], [], []
    for likely, true in judged:
        broad = sorted((one for one in likely if one not in labels.ELECTRONIC), key=lambda one: -likely[one])
        truth = "electronic" if true in labels.ELECTRONIC else true
        sure.append(likely[broad[0]])
        first.append(broad[0] == truth)
        third.append(truth in broad[:3])
    told, right = np.array(sure), np.array(first, np.float64)
    place = np.minimum((told * 10).astype(int), 9)
    error = sum(
        (place == one).mean() * abs(told[place == one].mean() - right[place == one].mean())
        for one in set(place.tolist())
    )
    over = right[told >= 0.5]
    held = over.mean() if over.size else 0.0
    return (
        f"clips {len(told)}, first {right.mean():.2f}, of three {np.mean(third):.2f}, "
        f"sure {told.mean():.2f}, ECE {error:.3f}, surer than .5 {over.size} of which right {held:.2f}"
    )


def rounded(values: NDArray[Any]) -> list[float]:
    """Plain numbers of three places."""
    return [round(float(one), 3) for one in values]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clips", type=Path, help="CSV with the columns file, style, maker")
    parser.add_argument("weights", type=Path, help="folder of the taggers' weights")
    parser.add_argument("--write", action="store_true", help="writes the table")
    given = parser.parse_args()
    main(given.clips, given.weights, write=given.write)
