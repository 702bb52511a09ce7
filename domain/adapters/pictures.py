"""Pictures by Pillow: their headers only, from a reader that bounds itself. Nothing is ever decoded here."""

import struct
import warnings
from typing import BinaryIO

from PIL import Image, PngImagePlugin, UnidentifiedImageError

from domain.files.verdict import Unfit

_FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/tiff": "TIFF",
    "image/bmp": "BMP",
}
# What Pillow raises about content that it was not written for.
_CONFUSED: tuple[type[Exception], ...] = (
    ValueError,
    SyntaxError,
    TypeError,
    LookupError,
    EOFError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    AssertionError,
    struct.error,
)
# Pillow's own guards, which are settings of the whole process: a bomb is an error and not a warning on
# standard error, where damaged files write nothing either; the text inside a PNG unpacks to little.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
PngImagePlugin.MAX_TEXT_CHUNK = 1 << 20
PngImagePlugin.MAX_TEXT_MEMORY = 4 << 20


def picture(source: BinaryIO, media_type: str) -> tuple[int, int] | None:
    """Width and height of a picture by its header; None for a type that Pillow is not asked about.

    Raises Unfit, and OSError of the file itself.
    """
    name = _FORMATS.get(media_type)
    if name is None:
        return None
    try:
        # Only this format's reader may look: a name or a sign decides nothing.
        with Image.open(source, formats=(name,)) as image:
            return image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unfit("image_too_large", f"the picture is larger than is taken: {error}") from error
    except UnidentifiedImageError as error:
        raise Unfit("image_broken", f"it can't be read as {name}") from error
    except OSError as error:
        # Pillow's own complaints are OSErrors without a number; those with one come from the file itself.
        if error.errno is not None:
            raise
        raise Unfit("image_broken", f"it can't be read as {name}: {error}") from error
    except _CONFUSED as error:
        raise Unfit("image_broken", f"it can't be read as {name}: {error}") from error
