"""Pictures for tests, good and hostile, made on the spot."""

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageCms, ImageDraw

RED, GREEN, BLUE = (200, 30, 30), (30, 160, 60), (30, 60, 200)


def encoded(image: Image.Image, name: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def quartered(width_px: int = 1200, height_px: int = 900) -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right: shows any turning."""
    image = Image.new("RGB", (width_px, height_px), "white")
    draw = ImageDraw.Draw(image)
    middle = (width_px // 2, height_px // 2)
    draw.rectangle((0, 0, *middle), RED)
    draw.rectangle((middle[0], 0, width_px, middle[1]), GREEN)
    draw.rectangle((0, middle[1], middle[0], height_px), BLUE)
    return image


def photo(number: int = 0, width_px: int = 1200, height_px: int = 900) -> bytes:
    """A JPEG that differs by `number`."""
    image = quartered(width_px, height_px)
    shade = (number * 37 % 256, number * 91 % 256, number // 256 % 256)
    ImageDraw.Draw(image).rectangle((40, 40, 200, 200), shade)
    return encoded(image, quality=90)


def turned_photo(orientation: int, gps: bool = True) -> bytes:
    """What a camera stores that was held so that `quartered()` is upright only by its EXIF."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    image = quartered()
    if orientation in undo:
        image = image.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SecretCamera"
    if gps:
        exif.get_ifd(0x8825).update({1: "S", 2: (22.0, 54.0, 20.0), 3: "W", 4: (47.0, 3.0, 38.0)})
    return encoded(image, exif=exif, quality=92, comment=b"<script>alert(1)</script>")


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, rows: bytes, depth: int = 8, color: int = 2) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", head)
        + png_chunk(b"IDAT", zlib.compress(rows, 9))
        + png_chunk(b"IEND", b"")
    )


def flat_png(width: int, height: int) -> bytes:
    """A real picture of one bit per pixel, all black: tiny in bytes, huge in pixels."""
    return png(width, height, b"\0" * ((1 + (width + 7) // 8) * height), depth=1, color=0)


def wide_gamut_profile() -> bytes:
    """A valid RGB profile whose red and green are swapped: converting it shows."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    entries = {}
    for index in range(count):
        at = 132 + 12 * index
        entries[bytes(profile[at : at + 4])] = at
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    profile[red + 4 : red + 12], profile[green + 4 : green + 12] = (
        profile[green + 4 : green + 12],
        profile[red + 4 : red + 12],
    )
    # Another name: "sRGB ..." would be taken at its word.
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
