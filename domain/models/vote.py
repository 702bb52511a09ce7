"""From what was heard in several windows to one answer, and how sure it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.audio.analysis import Label, Labels
from domain.models.question import WEIGHED, WORDS, Heard

# Below it another model is asked.
SURE = 0.80


@dataclass(frozen=True, kw_only=True)
class Voted:
    """One answer. confidence: of the whole; fields: of each field, None where nothing was said."""

    labels: Labels
    confidence: float
    fields: Mapping[str, float | None]
    windows: int


def vote(heard: Sequence[Heard]) -> Voted:
    """What most windows heard.

    A label's confidence is the mean probability of its tokens where it was heard, times the share of windows
    that heard it. Where a model tells no probabilities there is only the share, shrunk by the rule of
    succession, (k + 1) / (n + 2): three windows that agree are evidence of 0.80 and no more. Labels that not
    more than half of the windows heard are left out; where that leaves none, the surest stays. A field is as
    sure as its labels are on average, and the answer as its genre, mood and instruments are.
    """
    assert heard, "an answer is made of what was heard in at least one window"
    chosen = {field: _field(field, heard) for field in WORDS}
    fields = {field: _mean(labels) for field, labels in chosen.items()}
    known = [sure for field in WEIGHED if (sure := fields[field]) is not None]
    middle = heard[len(heard) // 2].description
    return Voted(
        labels=Labels(
            genre=chosen["genre"],
            mood=chosen["mood"],
            instruments=chosen["instruments"],
            vocals=chosen["vocals"],
            description=middle or None,
        ),
        confidence=round(sum(known) / len(known), 4) if known else 0.0,
        fields=fields,
        windows=len(heard),
    )


def _mean(labels: Sequence[Label]) -> float | None:
    known = [label.confidence for label in labels if label.confidence is not None]
    return sum(known) / len(known) if known else None


def _field(field: str, heard: Sequence[Heard]) -> tuple[Label, ...]:
    found = []
    number = len(heard)
    for word in dict.fromkeys(word for one in heard for word in one.labels[field]):
        hearing = [one for one in heard if word in one.labels[field]]
        told = [one.probable[field, word] for one in hearing if (field, word) in one.probable]
        if told:
            confidence = sum(told) / len(told) * len(hearing) / number
        else:
            confidence = (len(hearing) + 1) / (number + 2)
        found.append((Label(name=word, confidence=round(min(1.0, confidence), 4)), len(hearing)))
    found.sort(key=lambda one: (-(one[0].confidence or 0.0), one[0].name))
    most = [label for label, times in found if 2 * times > number]
    return tuple(most or [label for label, _ in found[:1]])
