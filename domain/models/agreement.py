"""How far two sets of labels agree: an answer with a person's correction, or with the embedded taggers."""

from collections.abc import Collection, Mapping

from domain.audio.analysis import Labels
from domain.models.question import WEIGHED, WORDS, fold


def compare(answered: Labels, corrected: Mapping[str, Collection[str]]) -> dict[str, float]:
    """By field that the correction speaks of, how far the answer agrees with it: 0 to 1.

    One value (`genre`) agrees when it is the answer's first: 1, or half when it is another of the answer's.
    Several agree by what both hold over what either holds. An empty correction says that there is nothing.
    Words are compared without case, spaces and hyphens.
    """
    found = {}
    for field, words in corrected.items():
        if field not in WORDS:
            continue
        ours = [fold(label.name) for label in getattr(answered, field)]
        theirs = {fold(word) for word in words}
        if not theirs:
            found[field] = 0.0 if ours else 1.0
        elif len(theirs) == 1 and field in ("genre", "vocals"):
            (one,) = theirs
            found[field] = 1.0 if ours[:1] == [one] else 0.5 if one in ours else 0.0
        else:
            found[field] = len(theirs & set(ours)) / len(theirs | set(ours))
    return found


def overall(found: Mapping[str, float]) -> float | None:
    """The mean over the fields that decide; None where the correction spoke of none of them."""
    known = [found[field] for field in WEIGHED if field in found]
    return sum(known) / len(known) if known else None


def with_embedded(answered: Labels, embedded: Labels) -> float | None:
    """How far an answer agrees with the embedded taggers, over what both speak of; None where nothing is.

    The taggers know fewer words, so a field counts as agreed when they share one among the taggers' three
    surest.
    """
    shares = []
    for field in WEIGHED:
        ours = {fold(label.name) for label in getattr(answered, field)}
        theirs = {fold(label.name) for label in getattr(embedded, field)[:3]}
        if ours and theirs:
            shares.append(1.0 if ours & theirs else 0.0)
    return sum(shares) / len(shares) if shares else None
