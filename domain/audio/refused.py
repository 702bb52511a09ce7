"""Why a file of sound gives nothing: one clear finding for each, with a stable code."""

from domain.audio.analysis import NotAnalysed

# Stable: an analysis that failed keeps one of these.
CODES = {
    "audio_unreadable": "the file can't be opened or read",
    "audio_empty": "it has no bytes, or no sound in it",
    "audio_unknown": "its content is no type of sound that is read",
    "audio_broken": "it begins as its type does, and nothing of it can be decoded",
    "audio_too_complex": "decoding it takes more time, memory or steps than one file may",
    "audio_decoder_failed": "the decoder broke down over it",
    "audio_interrupted": "the process that analyses was ended, or did not start; another time it may be done",
}
# What says nothing about the bytes, so that another time may give another answer.
PASSING = frozenset({"audio_unreadable", "audio_interrupted"})


def not_analysed(code: str, text: str) -> NotAnalysed:
    """A finding with a code of CODES; the text says what was found and what would do."""
    assert code in CODES, code
    # It may tell a file's name, which need be no Unicode.
    return NotAnalysed(code=code, text=text.encode(errors="replace").decode())
