"""Labels: how sure they are where labelled sounds tell, and no confidence where none do."""

import json
from math import exp

import pytest

from domain.audio import labels
from domain.audio.analysis import Label, Labels
from domain.audio.reference import instrument_curves, reference
from domain.features.told import judged
from domain.models.record import labels_from

_QUIET = dict.fromkeys(labels.ALL_TAGS, 0.01)
# What the taggers usually give, so that nothing stands out.
_USUAL = {tag: 1 / (1 + exp(-mean)) for tag, mean in reference()["tags"]["mean"].items()}


@pytest.mark.parametrize("name", sorted(instrument_curves()))
def test_an_instrument_is_surer_the_more_a_tagger_gives_it(name: str) -> None:
    curve = instrument_curves()[name]
    assert list(curve) == sorted(curve)
    sure = []
    for score in (0.2, 0.5, 0.9):
        scores = _QUIET | dict.fromkeys(labels.INSTRUMENTS[name], score)
        (told,) = (one for one in labels.instruments(scores) if one.name == name)
        assert told.confidence is not None
        assert told.score == score
        assert curve[0][1] <= told.confidence <= curve[-1][1]
        sure.append(told.confidence)
    assert sure == sorted(sure)


def test_an_instrument_that_nobody_counted_has_a_score_alone() -> None:
    uncounted = [name for name in labels.INSTRUMENTS if name not in instrument_curves()]
    for name in uncounted:
        scores = _QUIET | dict.fromkeys([*labels.INSTRUMENTS[name], *labels.INSTRUMENTS["drums"]], 0.9)
        assert labels.instruments(scores)[-1] == Label(name=name, confidence=None, score=0.9)
        assert labels.instruments(scores)[0].name == "drums"


def test_mood_voice_and_era_have_scores_and_no_confidence() -> None:
    scores = _USUAL | {"msd:happy": 0.4, "msd:party": 0.3, "msd:80s": 0.6, "msd:90s": 0.2, "mtt:male": 0.5}
    heard = labels.labels(scores)
    assert heard.mood == (
        Label(name="happy", confidence=None, score=0.4),
        Label(name="party", confidence=None, score=0.3),
    )
    assert heard.era == (Label(name="80s", confidence=None, score=0.6),)
    assert [one.name for one in heard.vocals] == ["male", "vocal"]
    assert all(one.confidence is None for one in heard.vocals)
    assert all(one.confidence is not None and one.score is None for one in heard.genre)


def test_a_mood_is_said_that_stands_out_little_as_taggers_give_it() -> None:
    assert labels.moods(_USUAL) == ()
    told = labels.moods(_USUAL | {"msd:sad": 0.05, "mtt:loud": 0.04})
    assert told == (
        Label(name="sad", confidence=None, score=0.05),
        Label(name="loud", confidence=None, score=0.04),
    )


def test_what_is_claimed_of_a_label_keeps_its_score() -> None:
    told = Labels(
        mood=(
            Label(name="happy", confidence=None, score=0.4),
            Label(name="party", confidence=None, score=0.3),
        ),
        instruments=(Label(name="piano", confidence=0.7, score=0.5),),
    )
    fields = judged(told, model="catalograph/taggers", model_version="1")
    mood, plays = fields["features.mood"], fields["features.instruments"]
    assert (mood["text"], mood["detail"], mood.get("confidence")) == ("happy", {"score": 0.4}, None)
    assert mood["rivals"] == [{"text": "party", "confidence": None, "score": 0.3}]
    assert (plays["confidence"], plays["detail"]) == (0.7, {"score": 0.5})


def test_kept_labels_come_back_as_they_were() -> None:
    kept = {
        "mood": [{"name": "happy", "confidence": None, "score": 0.4}],
        "genre": [{"name": "jazz", "confidence": 0.6}],
    }
    back = labels_from(json.loads(json.dumps(kept)))
    assert back.mood == (Label(name="happy", confidence=None, score=0.4),)
    assert back.genre == (Label(name="jazz", confidence=0.6),)
