"""Technical details of resources: flat up to ERN 4.2, with delivery files from 4.3."""

from domain.adapters.ern.common import (
    decimal,
    file_of,
    length_of,
    measures_of,
    term,
    where_of,
    yes,
)
from domain.adapters.ern.node import Node
from domain.deliveries.parts import EVERYWHERE, Clip, Encoding, Technical, Where

_CODECS = (
    "AudioCodecType",
    "ImageCodecType",
    "TextCodecType",
    "SheetMusicCodecType",
    "OperatingSystemType",
    "SoundProcessorType",
)
_MEASURES = (
    "BitRate",
    "OriginalBitRate",
    "OverallBitRate",
    "VideoBitRate",
    "AudioBitRate",
    "NumberOfChannels",
    "NumberOfAudioChannels",
    "NumberOfAudioObjects",
    "NumberOfVoices",
    "SamplingRate",
    "OriginalSamplingRate",
    "AudioSamplingRate",
    "BitsPerSample",
    "AudioBitsPerSample",
    "BitDepth",
    "FrameRate",
    "ImageHeight",
    "ImageWidth",
    "ImageResolution",
    "ColorDepth",
)
_DETAILS = (
    "TechnicalDetails",
    "TechnicalSoundRecordingDetails",
    "TechnicalVideoDetails",
    "TechnicalImageDetails",
    "TechnicalTextDetails",
    "TechnicalSheetMusicDetails",
    "TechnicalSoftwareDetails",
    "TechnicalMidiDetails",
    "TechnicalUserDefinedResourceDetails",
)


def all_technical(node: Node, where: Where = EVERYWHERE, *, default: bool = False) -> tuple[Technical, ...]:
    """The technical details standing in a node."""
    return tuple(
        technical_of(child, where, default=default)
        for name in _DETAILS
        if name in node.children
        for child in node.all(name)
    )


def technical_of(node: Node, where: Where = EVERYWHERE, *, default: bool = False) -> Technical:
    """One set of technical details."""
    own = where_of(node)
    language = node.attribute("LanguageAndScriptCode")
    default = default or bool(yes(node.attribute("IsDefault")))
    reference = node.value("TechnicalResourceDetailsReference") or ""
    preview = node.value("IsPreview") or node.value("IsClip")
    clips = tuple(_clip_of(child) for child in (*node.all("PreviewDetails"), *node.all("ClipDetails")))
    delivered = tuple(encoding_of(child) for child in node.all("DeliveryFile"))
    if delivered:
        encodings, extras = delivered, node.rest()
    else:
        flat = encoding_of(node)
        encodings, extras = (() if flat == Encoding() else (flat,)), ()
    return Technical(
        reference=reference,
        is_preview=yes(preview),
        encodings=encodings,
        clips=clips,
        language=language,
        extras=extras,
        where=own if own is not EVERYWHERE else where,
        default=default,
        line=node.line,
        path=node.path,
    )


def encoding_of(node: Node) -> Encoding:
    """One technical form, with its files."""
    kind = node.value("Type")
    container = term(node.one("ContainerFormat"))
    video = term(node.one("VideoCodecType"))
    other = next((term(node.one(name)) for name in _CODECS if name in node.children), None)
    measures = measures_of(node, _MEASURES)
    length = length_of(node)
    files = tuple(file_of(child) for child in node.all("File"))
    provided = yes(node.value("IsProvidedInDelivery"))
    return Encoding(
        type=kind,
        container=container,
        codec=video or other,
        audio_codec=other if video is not None else None,
        measures=measures,
        duration_ms=length,
        files=files,
        provided=provided,
        extras=node.rest(),
        line=node.line,
        path=node.path,
    )


def _clip_of(node: Node) -> Clip:
    timing = node.one("Timing")
    source = timing if timing is not None else node
    start, end = source.value("StartPoint"), source.value("EndPoint")
    length = length_of(source) or length_of(source, "DurationUsed")
    if timing is not None and (timing.children or timing.kept):
        node.children["Timing"] = [timing]
    kind = term(node.one("ClipType") or node.one("PartType"))
    return Clip(
        type=kind,
        reference=node.value("TechnicalResourceDetailsReference"),
        start_s=decimal(start),
        end_s=decimal(end),
        duration_ms=length,
        expression=node.value("ExpressionType"),
        encodings=tuple(encoding_of(child) for child in node.all("DeliveryFile")),
        extras=node.rest(),
        line=node.line,
        path=node.path,
    )
