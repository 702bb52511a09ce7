"""The odd files of the samples, and what is expected of each: of `bench audio` and of the tests alike."""

import math

from domain.audio.analysis import Analysis, NotAnalysed

REFUSED = {
    "empty_0_frames.wav": "audio_empty",
    "zero_bytes.mp3": "audio_empty",
    "text_file.mp3": "audio_unknown",
    "png_file.wav": "audio_unknown",
    "random_bytes.m4a": "audio_unknown",
}
FLAGS = {
    "silence.flac": ("silent",),
    "near_silence_noise.ogg": ("silent",),
    "truncated.mp3": ("truncated",),
    "corrupt_bytes.mp3": ("corrupt",),
    "phase_inverted_stereo.ogg": ("out_of_phase",),
    "clipped_loud.mp3": ("clipped", "dc_offset"),
    "dc_offset_quiet.flac": ("dc_offset",),
    # Made at 44.1 kHz and raised to 96 kHz, as its spectrum shows.
    "hires_96k24.flac": ("upsampled",),
}
# Container, codec, rate, channels, bits, seconds.
FORMS = {
    "wrong_ext_is_mp3.flac": ("mp3", "mp3", 44_100, 2, None, 12.0),
    "wrong_ext_is_ogg.mp3": ("ogg", "vorbis", 44_100, 2, None, 12.0),
    "truncated.mp3": ("mp3", "mp3", 44_100, 2, None, 4.8),
    "short_0p2s.wav": ("wav", "pcm_s16le", 44_100, 2, 16, 0.2),
    "pcm8.wav": ("wav", "pcm_u8", 22_050, 1, 8, 10.0),
    "hires_96k24.flac": ("flac", "flac", 96_000, 2, 24, 6.0),
    "f32.wav": ("wav", "pcm_f32le", 11_025, 1, 32, 12.0),
    "mulaw_8k.wav": ("wav", "pcm_mulaw", 8_000, 1, 8, 12.0),
    "aiff16.aiff": ("aiff", "pcm_s16be", 22_050, 1, 16, 12.0),
    "surround_5p1.flac": ("flac", "flac", 11_025, 6, 16, 4.0),
    "tags_mp4_cover.m4a": ("mp4", "aac", 44_100, 2, None, 10.0),
}
NIGHT = "Ночь – 夜想曲 №5 (Ünïcødé “mix”)"
BOTH = "Björk Gudmundsdóttir & 久石譲"
TAGS: dict[str, dict[str, tuple[str, ...]]] = {
    "tags_id3v22_unicode_cover.mp3": {"title": (NIGHT,), "artist": (BOTH,)},
    "tags_id3v23_unicode_cover.mp3": {"title": (NIGHT,), "artist": (BOTH,), "isrc": ("QZTST2600001",)},
    "tags_id3v24_unicode_cover.mp3": {"title": (NIGHT,), "bpm": ("110",), "key": ("G#m",)},
    "tags_id3v1_only_vbr.mp3": {"title": ("Café del Mar",), "genre": ("Electronic",)},
    "tags_id3_lying_size.mp3": {"title": (NIGHT,), "artist": (BOTH,)},
    "tags_mp4_cover.m4a": {"title": (NIGHT,), "bpm": ("110",), "key": ("Abm",)},
    "tags_flac_picture.flac": {"title": (NIGHT,), "artist": (BOTH, "Second Artist")},
    "tags_opus.opus": {"title": (NIGHT,), "artist": (BOTH,)},
}
# What has no beat, and what has no key.
NO_BEAT = {"silence.flac", "near_silence_noise.ogg", "white_noise.opus", "short_0p2s.wav", "rubato_piano.mp3"}
NO_BEAT |= {"ambient_drone.opus", "tempo_change.ogg"}
NO_KEY = {"silence.flac", "near_silence_noise.ogg", "white_noise.opus", "click_100bpm.mp3", "drums_only.ogg"}
BEAT = {"click_100bpm.mp3": 100.0, "phase_inverted_stereo.ogg": 125.1, "leading_silence.opus": 125.1}
# What another set may say of its odd files in `notes`, after "expect:".
_REJECTED = ("rejected", "error")


def unexpected(name: str, found: Analysis | NotAnalysed, notes: str = "") -> list[str]:
    """What is said of an odd file, without its tempo and key, and was not expected.

    name: without its folder. notes: of labels.csv; they tell of a file that is not known here whether it may
    be refused.
    """
    if isinstance(found, NotAnalysed):
        expected = notes.partition("expect:")[2]
        broken_down = found.code == "audio_decoder_failed"
        if found.code == REFUSED.get(name) or (
            name not in REFUSED and not broken_down and any(word in expected for word in _REJECTED)
        ):
            return []
        return [f"{found.code}: {found.text}"]
    wrong = []
    if name in REFUSED:
        wrong.append(f"it was not refused as {REFUSED[name]}")
    if name in KNOWN and found.quality.flags != FLAGS.get(name, ()):
        wrong.append(f"flags: {', '.join(found.quality.flags) or 'none'}")
    if name in FORMS:
        form = (found.container, found.codec, found.rate_hz, found.channels, found.bits)
        if form != FORMS[name][:5] or not math.isclose(found.duration_s, FORMS[name][5], abs_tol=0.02):
            wrong.append(f"form: {(*form, found.duration_s)}")
    for tag, values in TAGS.get(name, {}).items():
        if found.tags.get(tag) != values:
            wrong.append(f"{tag}: {found.tags.get(tag)}")
    return wrong


def unexpected_music(name: str, found: Analysis | NotAnalysed) -> list[str]:
    """A tempo or a key that it has not, or not the tempo that it has."""
    if isinstance(found, NotAnalysed):
        return []
    wrong = []
    if name in NO_BEAT and found.tempo.bpm is not None:
        wrong.append(f"{found.tempo.bpm:g} BPM, where there is no beat")
    if name in NO_KEY and found.key.best is not None:
        wrong.append(f"{found.key.best.tonic} {found.key.best.scale}, where there is no key")
    beat = BEAT.get(name)
    if beat and not (found.tempo.bpm and math.isclose(found.tempo.bpm, beat, rel_tol=0.01)):
        wrong.append(f"{found.tempo.bpm} BPM instead of {beat:g}")
    segments = [round(one.bpm) for one in found.tempo.segments]
    if name == "tempo_change.ogg" and segments and segments != [96, 140]:
        wrong.append(f"segments of {segments} BPM")
    return wrong


KNOWN = (
    set(REFUSED)
    | set(FLAGS)
    | set(FORMS)
    | set(TAGS)
    | NO_BEAT
    | NO_KEY
    | set(BEAT)
    | {"key_modulation.m4a", "unicode_名前 – naïve.mp3"}
)
