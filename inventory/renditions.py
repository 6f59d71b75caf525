"""From the bytes of one photo to the pictures a page shows. No database, no web, no files.

The bytes come from strangers' cameras and servers, and decoders have had holes. `render` therefore
starts a child process for each photo (`python -m inventory.renditions`) that reads the photo from
standard input and answers on standard output. It has a limit of memory and of processor time, none
of our settings in its environment, and, once it begins to read the photo, no way to open a file or
a connection. This module imports no more than the child needs, so that it starts fast.
"""

import hashlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from PIL import (  # the plugins by name: the child cannot load any later
    AvifImagePlugin,
    Image,
    ImageCms,
    ImageFile,
    ImageFilter,
    ImageStat,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from core.errors import DomainError

ROOT: Final = Path(__file__).resolve().parent.parent

# Cards are 300 to 420 CSS pixels wide, the gallery up to about 1,150: with screens of 1 to 3
# device pixels per CSS pixel this ladder keeps the waste of any step below half.
WIDTHS_PX: Final = (320, 480, 640, 960, 1280, 1920)
FORMATS: Final = ("avif", "webp", "jpg")
# Grows when the settings below change, so that names, kept for a year by browsers, change too.
RECIPE_VERSION: Final = 1
# Measured on a 12-megapixel photo: AVIF speed 9 costs 30% more bytes, speed 6 twice the time; WebP
# is the second choice of hardly any browser, so method 2 (half the time, 7% more bytes) will do.
ENCODERS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "avif": ("AVIF", {"quality": 55, "speed": 8, "subsampling": "4:2:0", "max_threads": 1}),
    "webp": ("WEBP", {"quality": 75, "method": 2}),
    "jpg": ("JPEG", {"quality": 78, "optimize": True, "progressive": True}),
}
CONTENT_TYPES: Final = {
    "avif": "image/avif",
    "webp": "image/webp",
    "jpg": "image/jpeg",
    "png": "image/png",
}

ALLOWED: Final = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif"}
BYTES_MAX: Final = 25_000_000
PIXELS_MAX: Final = 50_000_000
SIDE_MAX_PX: Final = 12_000
SMALL_PX: Final = 320  # a photo narrower than this looks poor even on a card

MEMORY_BYTES: Final = 1 << 30
CPU_SECONDS: Final = 20
WALL_SECONDS: Final = 120
# Signals from outside: the machine stops or is short of memory. Trying again can help.
INTERRUPTIONS: Final = {-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP, -signal.SIGKILL}

Image.MAX_IMAGE_PIXELS = PIXELS_MAX
# Between one and two times the limit Pillow would only warn.
warnings.simplefilter("error", Image.DecompressionBombWarning)
ImageFile.LOAD_TRUNCATED_IMAGES = False
PLUGINS: Final = (
    AvifImagePlugin, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin,
    WebPImagePlugin,
)  # fmt: skip


def N_(text: str) -> str:  # noqa: N802 - the usual mark for "translate this later"
    return text


class PhotoRefused(DomainError):
    """We do not take these bytes. `sentence` is the English message; the caller translates."""

    sentence: ClassVar[str] = N_("This photo cannot be used.")

    def __init__(self, text: str = "") -> None:
        super().__init__(text or self.sentence)


class NotAPhoto(PhotoRefused):
    sentence = N_("This file is not a photo. Send a JPEG, PNG, WebP or AVIF picture.")


class HeicPhoto(PhotoRefused):
    sentence = N_(
        "This photo is in the HEIC format of iPhones, which is not supported. Send it as JPEG: "
        "in the iPhone's settings choose Camera, Formats, Most Compatible."
    )


class PhotoIncomplete(PhotoRefused):
    sentence = N_("The photo arrived incomplete or damaged. Send it again.")


class EmptyPhoto(PhotoRefused):
    sentence = N_("The file is empty. Send the photo again.")


class TooManyBytes(PhotoRefused):
    sentence = N_("The photo is larger than 25 MB. Send a smaller version.")


class TooManyPixels(PhotoRefused):
    sentence = N_(
        "The picture has too many pixels: at most 50 megapixels and 12,000 pixels on a side. "
        "Send a smaller version."
    )


class PhotoTooHard(PhotoRefused):
    sentence = N_("The photo could not be processed. Save it again as JPEG and send that.")


REFUSALS: Final[dict[str, type[PhotoRefused]]] = {
    refusal.__name__: refusal
    for refusal in (
        NotAPhoto, HeicPhoto, PhotoIncomplete, EmptyPhoto, TooManyBytes, TooManyPixels,
        PhotoTooHard,
    )
}  # fmt: skip


class RenderInterrupted(DomainError):
    """The child was stopped from outside; nothing is known against the photo."""


@dataclass(frozen=True)
class Recipe:
    """Which renditions to make: widths in pixels, formats by file ending."""

    widths_px: tuple[int, ...]
    formats: tuple[str, ...]
    is_urgent: bool = False  # a person waits for it; otherwise visitors of the site go first


QUICK: Final = Recipe((960,), ("webp", "jpg"), is_urgent=True)
FULL: Final = Recipe(WIDTHS_PX, FORMATS)


@dataclass(frozen=True)
class PhotoInfo:
    """What the header of a photo says, seen upright."""

    width_px: int
    height_px: int
    suffix: str  # of the original's file name: jpg, png, webp, avif

    @property
    def is_small(self) -> bool:
        """Worth a warning, not a refusal."""
        return self.width_px < SMALL_PX


@dataclass(frozen=True)
class Rendered:
    """The pictures made from one photo. Sizes in pixels; `color` is its dominant one, #rrggbb;
    `light` and `detail` as `measure` gives them."""

    width_px: int
    height_px: int
    suffix: str
    color: str
    files: dict[tuple[int, str], bytes]  # by width and format
    light: int = 255
    detail: int = 255

    @property
    def widths_px(self) -> list[int]:
        return sorted({width for width, _format in self.files})

    @property
    def formats(self) -> list[str]:
        """The formats there are, best first."""
        made = {name for _width, name in self.files}
        return [name for name in FORMATS if name in made]


def stem_of(digest: str) -> str:
    """The start of the public names made from the original with SHA-256 `digest`."""
    name = hashlib.sha256(f"{digest}:{RECIPE_VERSION}".encode()).hexdigest()
    return f"{digest[:2]}/{name[:32]}"


def ladder(width_px: int) -> list[int]:
    """Every width that a photo of `width_px` can have: never larger than it is."""
    steps = [step for step in WIDTHS_PX if step <= width_px]
    # Something between two steps, such as 900, would lose a third of itself.
    if not steps or (width_px < WIDTHS_PX[-1] and width_px > steps[-1] * 1.25):
        steps.append(width_px)
    return steps


def widths_for(recipe: Recipe, width_px: int) -> list[int]:
    """The widths that `recipe` makes of a photo of `width_px`, ascending, all on its ladder."""
    steps = ladder(width_px)
    return sorted(
        {max((s for s in steps if s <= wanted), default=steps[0]) for wanted in recipe.widths_px}
    )


# --- reading ---------------------------------------------------------------------------------


def inspect_photo(data: bytes) -> PhotoInfo:
    """What the header of `data` says, before a pixel is decoded. Raises a PhotoRefused."""
    return _info(*_opened(data))


def _info(image: ImageFile.ImageFile, orientation: int) -> PhotoInfo:
    width, height = image.size
    if orientation in SIDEWAYS:
        width, height = height, width
    return PhotoInfo(width, height, ALLOWED[image.format or "JPEG"])


def _opened(data: bytes) -> tuple[ImageFile.ImageFile, int]:
    """The picture, not decoded yet, and its EXIF orientation."""
    if not data:
        raise EmptyPhoto
    if len(data) > BYTES_MAX:
        raise TooManyBytes
    try:
        # By content, never by name. What is not listed here does not get near a decoder.
        image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP", "AVIF"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise TooManyPixels from None
    except MemoryError:
        raise PhotoTooHard from None
    except Exception:  # decoders meet hostile bytes with errors of every kind
        raise _reason_unreadable(data) from None
    width, height = image.size
    if width * height > PIXELS_MAX or max(width, height) > SIDE_MAX_PX:
        raise TooManyPixels
    return image, _orientation(image)


def _reason_unreadable(data: bytes) -> PhotoRefused:
    if data[4:8] == b"ftyp":
        if data[8:12] in {b"avif", b"avis"}:
            return PhotoIncomplete()
        if data[8:12] in {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}:
            return HeicPhoto()
    is_webp = data.startswith(b"RIFF") and data[8:12] == b"WEBP"
    if is_webp or data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        return PhotoIncomplete()
    return NotAPhoto()


SIDEWAYS: Final = {5, 6, 7, 8}
TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION_TAG: Final = 0x0112


def _orientation(image: Image.Image) -> int:
    """How the camera was held, 1 to 8. Unreadable metadata are no reason to refuse a photo."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # Pillow would decode the whole picture to look behind it
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:
        return 1
    return value if value in TURNS else 1


def _load(image: ImageFile.ImageFile, width_px: int, orientation: int) -> None:
    """Decode the first frame, at a fraction of its size where the format can do that."""
    if image.format in {"JPEG", "MPO"}:
        width, height = image.size
        across = width if orientation not in SIDEWAYS else height
        image.draft(None, (-(-width * width_px // across), -(-height * width_px // across)))
    try:
        image.load()
    except MemoryError:
        raise PhotoTooHard from None
    except Exception:
        raise PhotoIncomplete from None


# --- making ----------------------------------------------------------------------------------


def make_renditions(data: bytes, recipe: Recipe) -> Rendered:
    """Every rendition that `recipe` asks of the photo `data`, upright, in sRGB, nothing else in
    the files. Raises a PhotoRefused. Run it in this process for bytes of our own only."""
    image, orientation = _opened(data)
    info = _info(image, orientation)
    widths = widths_for(recipe, info.width_px)
    _load(image, widths[-1], orientation)
    top = _base(image, orientation, _size(info, widths[-1]))
    files: dict[tuple[int, str], Future[bytes]] = {}
    # Encoders leave Python's lock alone, so threads use all processors.
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        current = top
        for width in reversed(widths):  # each from the next larger one: half the work
            if current.width != width:
                current = current.resize(_size(info, width), Image.Resampling.LANCZOS)
            for name in recipe.formats:
                # Its own copy: Pillow keeps the settings of a running save in the picture itself.
                files[width, name] = pool.submit(_encoded, current.copy(), name)
        color = dominant_color(current)
        light, detail = measure(top)
    return Rendered(
        width_px=info.width_px,
        height_px=info.height_px,
        suffix=info.suffix,
        color=color,
        files={key: future.result() for key, future in files.items()},
        light=light,
        detail=detail,
    )


def _size(info: PhotoInfo, width_px: int) -> tuple[int, int]:
    return width_px, max(1, round(width_px * info.height_px / info.width_px))


def _base(image: Image.Image, orientation: int, size: tuple[int, int]) -> Image.Image:
    """The largest rendition as a fresh RGB picture: pixels only, no comment, place or profile."""
    profile = image.info.get("icc_profile")
    flat = _with_plain_pixels(image)
    before_turning = size if orientation not in SIDEWAYS else (size[1], size[0])
    if flat.size != before_turning:
        flat = flat.resize(before_turning, Image.Resampling.LANCZOS, reducing_gap=2.0)
    if orientation in TURNS:
        flat = flat.transpose(TURNS[orientation])
    flat = _in_srgb(flat, profile)
    fresh = Image.new("RGB", flat.size, "white")
    fresh.paste(flat, mask=flat.getchannel("A") if flat.mode == "RGBA" else None)
    return fresh


def _with_plain_pixels(image: Image.Image) -> Image.Image:
    """`image` as L, RGB, RGBA or CMYK, in which pixels can be averaged."""
    if image.mode.startswith("I"):  # 16-bit grey; Pillow's own conversion would clip, not scale
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    return image if image.mode in {"L", "RGB", "CMYK"} else image.convert("RGB")


SRGB: Final = ImageCms.createProfile("sRGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """`image` as RGB or RGBA in the one colour space that every screen understands."""
    wanted = "RGBA" if image.mode == "RGBA" else "RGB"
    if profile and image.mode != "L":
        alpha = image.getchannel("A") if image.mode == "RGBA" else None
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if not (source.profile.profile_description or "").startswith("sRGB"):
                colors = image.convert("RGB") if alpha else image
                turned = ImageCms.profileToProfile(colors, source, SRGB, outputMode="RGB")
                if turned is not None:
                    image = turned
                    if alpha:
                        image.putalpha(alpha)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a broken profile: the colours as they are come closest
    return image if image.mode == wanted else image.convert(wanted)


def _encoded(image: Image.Image, name: str) -> bytes:
    pillow_name, options = ENCODERS[name]
    buffer = io.BytesIO()
    image.save(buffer, pillow_name, **options)
    return buffer.getvalue()


def dominant_color(image: Image.Image) -> str:
    """The colour that most of `image` (RGB) has, as #rrggbb: the ground until it is loaded."""
    small = image.resize((32, 32), Image.Resampling.BOX)
    counted = small.quantize(5, Image.Quantize.MEDIANCUT).convert("RGB").getcolors(32 * 32) or []
    _count, color = max(counted, key=lambda pair: (pair[0], pair[1]))
    red, green, blue = color if isinstance(color, tuple) else (0, 0, 0)
    return f"#{red:02x}{green:02x}{blue:02x}"


MEASURED_WIDTH_PX: Final = 640
# What is left of a picture when everything smooth is taken away: hardly anything of a blurred one.
EDGES: Final = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)


def measure(image: Image.Image) -> tuple[int, int]:
    """How bright `image` is (mean grey, 0 to 255) and how sharp (variance of its Laplacian, seen
    640 pixels wide; sharp photos have hundreds, shaken ones less than ten)."""
    width = min(MEASURED_WIDTH_PX, image.width)
    size = (width, max(1, round(width * image.height / image.width)))
    grey = image.convert("L").resize(size, Image.Resampling.BOX)
    light = round(ImageStat.Stat(grey).mean[0])
    if min(size) < 5:
        return light, 0
    edges = grey.filter(EDGES).crop((1, 1, size[0] - 1, size[1] - 1))
    return light, round(ImageStat.Stat(edges).var[0])


# --- in a child process ----------------------------------------------------------------------


def render(data: bytes, recipe: Recipe) -> Rendered:
    """What `make_renditions` returns, made by a child process that may crash in our place.

    Raises a PhotoRefused, PhotoTooHard among them when the child died of the photo, and
    RenderInterrupted when it was stopped from outside.
    """
    if not data:
        raise EmptyPhoto
    if len(data) > BYTES_MAX:
        raise TooManyBytes
    request = json.dumps(
        {"widths": recipe.widths_px, "formats": recipe.formats, "urgent": recipe.is_urgent}
    )
    try:
        child = subprocess.run(
            [sys.executable, "-m", "inventory.renditions", request],
            input=data,
            capture_output=True,
            timeout=WALL_SECONDS,
            cwd=ROOT,
            # Not our environment: it holds the secret key. Few arenas: each reserves 64 MB.
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PhotoTooHard from None
    if child.returncode in INTERRUPTIONS:
        raise RenderInterrupted
    return _read_answer(child.stdout, recipe)


def _read_answer(answer: bytes, recipe: Recipe) -> Rendered:
    """Believe nothing: whoever broke the child chose these bytes."""
    head, _newline, body = answer.partition(b"\n")
    try:
        said = json.loads(head)
        if "refused" in said:
            raise REFUSALS[said["refused"]]
        width_px, height_px = int(said["width_px"]), int(said["height_px"])
        color, suffix = str(said["color"]), str(said["suffix"])
        light, detail = int(said["light"]), int(said["detail"])
        files: dict[tuple[int, str], bytes] = {}
        for width, name, length in said["files"]:
            files[int(width), str(name)], body = body[:length], body[length:]
    except (ValueError, KeyError, TypeError):
        raise PhotoTooHard from None  # it died before it could answer
    wanted = {(w, name) for w in widths_for(recipe, width_px) for name in recipe.formats}
    is_plausible = (
        files.keys() == wanted
        and all(files.values())
        and 0 < width_px * height_px <= PIXELS_MAX
        and suffix in ALLOWED.values()
        and 0 <= light <= 255
        and 0 <= detail <= 255**2
        and len(color) == 7
        and color[0] == "#"
        and set(color[1:]) <= set("0123456789abcdef")
    )
    if not is_plausible:
        raise PhotoTooHard
    return Rendered(width_px, height_px, suffix, color, files, light, detail)


def _answer(data: bytes, recipe: Recipe) -> Iterable[bytes]:
    try:
        made = make_renditions(data, recipe)
    except PhotoRefused as refusal:
        yield json.dumps({"refused": type(refusal).__name__}).encode() + b"\n"
        return
    except MemoryError:
        yield json.dumps({"refused": PhotoTooHard.__name__}).encode() + b"\n"
        return
    head = {
        "width_px": made.width_px,
        "height_px": made.height_px,
        "suffix": made.suffix,
        "color": made.color,
        "light": made.light,
        "detail": made.detail,
        "files": [[width, name, len(file)] for (width, name), file in made.files.items()],
    }
    yield json.dumps(head).encode() + b"\n"
    yield from made.files.values()


def _confine() -> None:
    """Give up what making pictures does not need, for good."""
    Image.preinit()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
    # No handle beyond the three that are open: no file, no connection, no program.
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def main(arguments: Sequence[str]) -> None:
    """The child: a recipe as JSON in the first argument, the photo on standard input."""
    request = json.loads(arguments[0])
    recipe = Recipe(tuple(request["widths"]), tuple(request["formats"]), request["urgent"])
    if not recipe.is_urgent:
        os.nice(10)
    data = sys.stdin.buffer.read(BYTES_MAX + 1)
    _confine()
    for piece in _answer(data, recipe):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
