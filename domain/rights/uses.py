"""Which uses a deal grants that names a more general one.

Source: the definitions of UseType in DDEX's allowed value sets (AVS 9; the same words stand in the sets of
ERN 3.8.2 and 4.3). Three values are defined as the general term of others, which they list:

- `Stream`: "e.g. NonInteractiveStream, OnDemandStream, TimeInfluencedStream, ContentInfluencedStream,
  Simulcast";
- `Download`: "e.g. ConditionalDownload, PermanentDownload, TetheredDownload, KioskDownload";
- `ConditionalDownload`: a download "under a condition (e.g. tethered to a service or device)".

So whoever may stream may stream on demand. Nothing follows the other way round, and nothing from `Use`,
`Perform` or `Dub`, whose definitions list no values. `AsPerContract`, `Unknown` and `UserDefined` name
something that only the parties know; they grant what is asked for by that very word. The same holds for
commercial models, where no value is the general term of another.
"""

from functools import cache

STREAM_ON_DEMAND = "OnDemandStream"

_GENERAL = {
    "Stream": (
        "NonInteractiveStream",
        "OnDemandStream",
        "TimeInfluencedStream",
        "ContentInfluencedStream",
        "Simulcast",
    ),
    "Download": ("ConditionalDownload", "PermanentDownload", "TetheredDownload", "KioskDownload"),
    "ConditionalDownload": ("TetheredDownload",),
}


@cache
def granted_by(use_type: str) -> tuple[str, ...]:
    """The use types that, named in a deal, grant this one; it comes first itself."""
    return (use_type, *(general for general, covered in _GENERAL.items() if use_type in covered))
