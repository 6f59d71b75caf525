"""Bytes that cameras, phones and attackers send, through the confined child process."""

import io
import zipfile
import zlib

import pytest
from PIL import Image

from inventory import renditions
from inventory.renditions import (
    BYTES_MAX,
    QUICK,
    EmptyPhoto,
    HeicPhoto,
    NotAPhoto,
    PhotoIncomplete,
    PhotoRefused,
    Recipe,
    Rendered,
    TooManyBytes,
    TooManyPixels,
    inspect_photo,
    render,
)
from tests.pictures import (
    BLUE,
    GREEN,
    RED,
    encoded,
    flat_png,
    photo,
    png,
    png_chunk,
    quartered,
    turned_photo,
    wide_gamut_profile,
)

SMALL = Recipe((320,), ("jpg",), is_urgent=True)


def shown(made: Rendered, name: str = "jpg") -> Image.Image:
    """The largest rendition of that format, decoded."""
    picture = Image.open(io.BytesIO(made.files[made.widths_px[-1], name]))
    picture.load()
    return picture


def pixel(picture: Image.Image, across: float, down: float) -> tuple[int, ...]:
    color = picture.getpixel((int(picture.width * across), int(picture.height * down)))
    assert isinstance(color, tuple)
    return color


def is_near(one: tuple[int, ...], other: tuple[int, ...], tolerance: int = 12) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


REFUSED: list[tuple[str, bytes, type[PhotoRefused]]] = [
    ("zero bytes", b"", EmptyPhoto),
    ("one byte", b"\xff", NotAPhoto),
    ("header bomb", png(50_000, 50_000, b""), TooManyPixels),
    ("real bomb of 81 megapixels", flat_png(9000, 9000), TooManyPixels),
    ("real bomb of 169 megapixels", flat_png(13_000, 13_000), TooManyPixels),
    ("a side too long", flat_png(12_001, 20), TooManyPixels),
    ("header claims nothing", png(0, 0, b""), PhotoIncomplete),
    ("svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', NotAPhoto),
    ("html", b"<!doctype html><script>alert(1)</script>", NotAPhoto),
    ("pdf", b"%PDF-1.7\n1 0 obj", NotAPhoto),
    ("eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", NotAPhoto),
    ("gif", encoded(Image.new("P", (400, 300)), "GIF"), NotAPhoto),
    ("tiff", encoded(Image.new("RGB", (400, 300)), "TIFF"), NotAPhoto),
    ("bmp", encoded(Image.new("RGB", (400, 300)), "BMP"), NotAPhoto),
    ("ico", encoded(Image.new("RGB", (64, 64)), "ICO"), NotAPhoto),
    ("jpeg 2000", b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 80, NotAPhoto),
    ("psd", b"8BPS\0\1" + b"\0" * 80, NotAPhoto),
    ("fits", b"SIMPLE  =                    T" + b" " * 2850, NotAPhoto),
    ("heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 200, HeicPhoto),
    ("truncated jpeg", photo()[:-4000], PhotoIncomplete),
    ("half a jpeg", photo()[: len(photo()) // 2], PhotoIncomplete),
    ("a jpeg's first bytes", photo()[:20], PhotoIncomplete),
    ("truncated png", encoded(quartered(), "PNG")[:-500], PhotoIncomplete),
    ("truncated webp", encoded(quartered(), "WEBP")[:-500], PhotoIncomplete),
    ("truncated avif", encoded(quartered(), "AVIF", speed=10)[:-300], PhotoIncomplete),
    ("noise behind a jpeg's start", b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40, PhotoIncomplete),
    (
        "text that unpacks to 100 MB",
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", png(400, 300, b"")[16:29])
        + png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 100_000_000, 9)),
        PhotoIncomplete,
    ),
]


@pytest.mark.parametrize(
    ("data", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_is_no_usable_photo_is_refused(data: bytes, reason: type[PhotoRefused]) -> None:
    with pytest.raises(reason) as refusal:
        render(data, SMALL)
    assert type(refusal.value) is reason
    assert str(refusal.value).endswith(".")


def test_too_many_bytes_are_refused_before_anything_reads_them() -> None:
    with pytest.raises(TooManyBytes):
        render(b"\xff" * (BYTES_MAX + 1), SMALL)


def test_bombs_are_refused_from_the_header_alone() -> None:
    with pytest.raises(TooManyPixels):
        inspect_photo(flat_png(9000, 9000))


def test_the_largest_allowed_pictures_fit_into_the_limits() -> None:
    clear = png(7900, 6300, b"\0" * ((1 + 4 * 7900) * 6300), color=6)
    assert render(clear, SMALL).width_px == 7900
    plain = encoded(Image.new("RGB", (8000, 6200)), "WEBP", method=0)
    assert render(plain, SMALL).height_px == 6200


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_stand_upright(orientation: int) -> None:
    made = render(turned_photo(orientation), SMALL)
    assert (made.width_px, made.height_px) == (1200, 900)
    picture = shown(made)
    assert picture.size == (320, 240)
    assert is_near(pixel(picture, 0.25, 0.25), RED)
    assert is_near(pixel(picture, 0.75, 0.25), GREEN)
    assert is_near(pixel(picture, 0.25, 0.75), BLUE)


def test_nothing_but_pixels_survives() -> None:
    made = render(turned_photo(6), Recipe((320,), ("avif", "webp", "jpg"), is_urgent=True))
    for name in ("avif", "webp", "jpg"):
        file = made.files[320, name]
        for secret in (b"SecretCamera", b"<script>", b"Exif", b"ICC", b"http://ns.adobe"):
            assert secret not in file, name
        picture = shown(made, name)
        assert dict(picture.getexif()) == {}
        assert not {"comment", "icc_profile", "exif", "xmp"} & picture.info.keys()


def test_the_tail_of_a_polyglot_is_gone() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as inside:
        inside.writestr("shell.php", "<?php system($_GET[0]);")
    made = render(photo() + archive.getvalue(), QUICK)
    for file in made.files.values():
        assert b"php" not in file
        assert not zipfile.is_zipfile(io.BytesIO(file))


def test_broken_metadata_are_no_reason_to_refuse() -> None:
    broken = encoded(quartered(), exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 60)
    assert render(broken, SMALL).width_px == 1200
    assert render(encoded(quartered(), icc_profile=b"no profile"), SMALL).width_px == 1200


def test_print_colours_become_screen_colours() -> None:
    made = render(encoded(quartered().convert("CMYK"), quality=95), SMALL)
    assert is_near(pixel(shown(made), 0.25, 0.25), RED)
    assert is_near(pixel(shown(made), 0.75, 0.75), (255, 255, 255))


def test_a_foreign_colour_space_is_converted_and_not_kept() -> None:
    made = render(encoded(quartered(), icc_profile=wide_gamut_profile(), quality=95), SMALL)
    red, green, _blue = pixel(shown(made), 0.25, 0.25)
    assert green > red + 100  # the profile said so
    assert "icc_profile" not in shown(made).info


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    row = b"\0" + (0x8000).to_bytes(2, "big") * 400
    made = render(png(400, 300, row * 300, depth=16, color=0), SMALL)
    assert is_near(pixel(shown(made), 0.5, 0.5), (128, 128, 128), tolerance=2)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "PA"])
def test_what_is_clear_becomes_white(mode: str) -> None:
    image = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
    image.paste((*RED, 255), (0, 0, 200, 300))
    if mode == "P":
        data = encoded(image.quantize(16), "PNG")
    elif mode == "PA":
        data = encoded(image.convert("PA"), "WEBP", lossless=True)
    else:
        data = encoded(image.convert(mode), "PNG")
    picture = shown(render(data, SMALL))
    assert picture.mode == "RGB"
    assert is_near(pixel(picture, 0.75, 0.5), (255, 255, 255), tolerance=3)
    assert not is_near(pixel(picture, 0.25, 0.5), (255, 255, 255))


def test_only_the_first_frame_counts() -> None:
    frames = [Image.new("RGB", (400, 300), (number, 0, 0)) for number in range(201)]
    film = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert is_near(pixel(shown(render(film, SMALL)), 0.5, 0.5), (0, 0, 0))
    film = encoded(frames[200], "PNG", save_all=True, append_images=frames[:9])
    assert is_near(pixel(shown(render(film, SMALL)), 0.5, 0.5), (200, 0, 0))


def test_a_phones_double_picture_counts_as_a_jpeg() -> None:
    double = encoded(quartered(), "MPO", save_all=True, append_images=[quartered(600, 450)])
    made = render(double, SMALL)
    assert (made.width_px, made.suffix) == (1200, "jpg")


def test_one_pixel_is_a_photo_with_a_warning() -> None:
    data = encoded(Image.new("RGB", (1, 1), RED), "PNG")
    assert inspect_photo(data).is_small
    made = render(data, renditions.FULL)
    assert made.widths_px == [1]
    assert made.formats == ["avif", "webp", "jpg"]


def test_thin_pictures_keep_a_pixel_of_height() -> None:
    made = render(encoded(Image.new("RGB", (12_000, 1), RED), "PNG"), QUICK)
    assert shown(made).size == (960, 1)
    made = render(encoded(Image.new("RGB", (1, 12_000), RED), "PNG"), QUICK)
    assert shown(made).size == (1, 12_000)


# --- the child -------------------------------------------------------------------------------


def run_child(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Let `render` start a Python that runs `program` in place of our module."""
    real = renditions.subprocess.run

    def run(command: list[str], **options: object) -> object:
        assert command[1:3] == ["-m", "inventory.renditions"]
        return real([command[0], "-c", program], **options)

    monkeypatch.setattr(renditions.subprocess, "run", run)


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.abort()",
        "import sys; sys.exit(1)",
        "print('')",
        "print('[]')",
        'print(\'{"refused": "Exception"}\')',
        'print(\'{"width_px":9,"height_px":9,"color":"#000000","suffix":"jpg","files":[]}\')',
        'print(\'{"width_px":9,"height_px":9,"color":"#00000","suffix":"php",'
        '"files":[[9,"../x",1]]}\\nx\')',
        # As the real one does it: confined, then out of memory or of time.
        "from inventory import renditions as r; r._confine(); x = bytearray(2 << 30)",
    ],
)
def test_a_child_that_dies_or_lies_parks_the_photo(
    monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    run_child(monkeypatch, program)
    with pytest.raises(renditions.PhotoTooHard):
        render(photo(), SMALL)


def test_a_child_that_computes_for_ever_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import inventory.renditions as r; r.CPU_SECONDS = 1; r._confine()\nwhile True: pass"
    run_child(monkeypatch, program)
    with pytest.raises(renditions.PhotoTooHard):
        render(photo(), SMALL)


def test_a_child_that_waits_for_ever_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renditions, "WALL_SECONDS", 0.5)
    run_child(monkeypatch, "import time; time.sleep(60)")
    with pytest.raises(renditions.PhotoTooHard):
        render(photo(), SMALL)


def test_a_child_stopped_from_outside_says_nothing_against_the_photo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_child(monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
    with pytest.raises(renditions.RenderInterrupted):
        render(photo(), SMALL)


def test_the_child_can_open_neither_files_nor_connections_nor_see_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VITRINE_SECRET_KEY", "x" * 40)
    program = """
import os, socket
from inventory import renditions as r
r._confine()
done = [name for name in os.environ if name.startswith(("VITRINE", "AWS"))]
for attempt in (lambda: open("/etc/hostname"), lambda: socket.socket(),
                lambda: os.open("/tmp/made", os.O_CREAT | os.O_WRONLY),
                lambda: os.posix_spawn("/bin/true", ["true"], {}) and os.pipe()):
    try:
        attempt()
        done.append("opened")
    except OSError:
        pass
print('{"refused": "%s"}' % ("NotAPhoto" if done else "EmptyPhoto"))
"""
    run_child(monkeypatch, program)
    with pytest.raises(EmptyPhoto):
        render(photo(), SMALL)
