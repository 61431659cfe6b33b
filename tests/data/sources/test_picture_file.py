"""Pictures of every kind that Pillow reads: upright, in their own depth and polarity, or refused with a reason."""

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import write_dicom
from numpy.typing import NDArray
from PIL import Image

from medxfer.base.errors import ImageError
from medxfer.data.sources.picture_file import COLOUR_TOLERANCE, PictureReader

GRAY = (np.arange(12 * 8, dtype=np.uint8) * 2).reshape(12, 8)
# What EXIF's orientation asks of the stored picture to stand upright (TIFF 6.0, Orientation).
UPRIGHT: dict[int, Any] = {
    1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: np.transpose,
    6: lambda a: np.rot90(a, -1), 7: lambda a: np.rot90(a, 2).T, 8: np.rot90,
}  # fmt: skip


def read_picture(path: Path) -> NDArray[Any]:
    return next(PictureReader().pictures(path, hounsfield=False))


def tiff(path: Path, pixels: NDArray[Any], photometric: int, bits: int = 0, **tags: int) -> Path:
    """A little-endian TIFF of one strip, written by hand: (H, W) or (H, W, samples); photometric 0 is MinIsWhite."""
    samples = pixels.shape[2] if pixels.ndim == 3 else 1
    bits = bits or 8 * pixels.itemsize
    data = (
        np.packbits(pixels, axis=1).tobytes() if bits == 1 else pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    )
    height, width = pixels.shape[:2]
    entries = {256: width, 257: height, 259: 1, 262: photometric, 277: samples, 278: height, 279: len(data)}
    entries |= {int(tag.removeprefix("tag")): value for tag, value in tags.items()}
    extra = 8 + 2 + 12 * (len(entries) + 2) + 4
    entries |= {258: extra if samples > 2 else bits, 273: extra + 8}
    ifd = b"".join(
        struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, samples if tag == 258 else 1, value)
        for tag, value in sorted(entries.items())
    )
    bits_of_all = struct.pack("<4H", *[bits] * samples, *[0] * (4 - samples))
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    path.write_bytes(head + ifd + b"\0\0\0\0" + bits_of_all + data)
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "webp"])
def test_every_format_stands_upright(tmp_path: Path, suffix: str, orientation: int, dtype: type) -> None:
    stored = GRAY.astype(dtype) * (1 if dtype == np.uint8 else 257)
    if suffix in ("jpg", "webp") and dtype == np.uint16:
        pytest.skip("8 bits alone")
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(stored).save(
        path, exif=exif, **{"webp": {"lossless": True}, "jpg": {"quality": 100}}.get(suffix, {})
    )
    expected = UPRIGHT[orientation](stored)
    picture = read_picture(path)
    assert picture.dtype == dtype
    assert picture.shape == expected.shape
    assert np.abs(picture.astype(int) - expected).max() <= (3 if suffix == "jpg" else 0)
    assert PictureReader().header(path).size == f"{expected.shape[0]}×{expected.shape[1]}"


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("bits", [1, 8, 16])
def test_low_values_are_white_where_a_tiff_says_so(tmp_path: Path, bits: int, photometric: int) -> None:
    pixels = {1: (GRAY > 90).astype(np.uint8), 8: GRAY, 16: GRAY.astype(np.uint16) * 257}[bits]
    path = tiff(tmp_path / "a.tif", pixels, photometric, bits)
    white = 65535 if bits == 16 else 255
    shown = pixels.astype(int) * (255 if bits == 1 else 1)
    assert (read_picture(path) == (white - shown if photometric == 0 else shown)).all()


def test_twelve_bits_of_a_tiff_fill_the_range(tmp_path: Path) -> None:
    values = np.array([[0, 4095, 2048, 16]], np.uint16).repeat(2, 0)
    packed = np.array([[0x00, 0x0F, 0xFF, 0x80, 0x00, 0x10]], np.uint8).repeat(2, 0)
    path = tiff(tmp_path / "a.tif", packed, 1, bits=8)
    whole = bytearray(path.read_bytes())
    for tag, value in ((256, 4), (258, 12)):  # the width is four values of 12 bits, not six bytes
        at = whole.index(struct.pack("<HH", tag, 3))
        whole[at + 8 : at + 10] = struct.pack("<H", value)
    path.write_bytes(whole)
    assert (read_picture(path) == np.rint(values * (65535 / 4095))).all()


def test_a_page_without_its_width_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(GRAY).save(path, save_all=True, append_images=[Image.fromarray(GRAY)])
    width = struct.pack("<H", 256)
    content, last = path.read_bytes(), path.read_bytes().rindex(width + struct.pack("<H", 4))
    path.write_bytes(content[:last] + struct.pack("<H", 255) + content[last + 2 :])
    for read in (lambda path: list(PictureReader("all").pictures(path, False)), PictureReader("all").header):
        with pytest.raises(ImageError) as refused:
            read(path)
        assert refused.value.kind == "undecodable"


def test_a_dicom_file_among_pictures_is_told(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.png", GRAY)
    with pytest.raises(ImageError) as refused:
        read_picture(path)
    copy = pickle.loads(pickle.dumps(refused.value))  # as it comes out of a worker
    assert (str(copy), copy.kind) == (str(refused.value), "DICOM, which data=dicom reads")


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:2000])
    with pytest.raises(ImageError) as refused:
        read_picture(tmp_path / "a.png")
    assert refused.value.kind == "undecodable"


def test_gray_in_other_modes_is_gray(tmp_path: Path) -> None:
    gray = Image.fromarray(GRAY)
    gray.convert("P").save(tmp_path / "palette.png")
    for mode in ("LA", "RGB", "RGBA"):
        gray.convert(mode).save(tmp_path / f"{mode}.png")
    black = Image.merge("CMYK", [Image.new("L", gray.size)] * 3 + [Image.fromarray(255 - GRAY)])
    black.save(tmp_path / "cmyk.tif")
    for name in ("palette.png", "LA.png", "RGB.png", "RGBA.png", "cmyk.tif"):
        assert (read_picture(tmp_path / name) == GRAY).all(), name


def test_colour_and_what_would_lose_depth_are_refused(tmp_path: Path) -> None:
    deep = np.stack([GRAY.astype(np.uint16) * 257] * 3, -1)
    tiff(tmp_path / "rgb16.tif", deep, 2)
    rgb16_png(tmp_path / "rgb16.png", deep)
    colours = Image.fromarray(GRAY).convert("P")
    colours.putpalette([value for i in range(256) for value in (i, 0, 255 - i)])
    colours.save(tmp_path / "colours.png")
    Image.fromarray(GRAY.astype(np.int32) * 1000).save(tmp_path / "long.tif")
    Image.fromarray(GRAY.astype(np.float32)).save(tmp_path / "float.tif")
    words = {
        "rgb16.tif": "16 bits",
        "rgb16.png": "16 bits",
        "colours.png": "colour",
        "long.tif": "range",
        "float.tif": "range",
    }
    for name, said in words.items():
        with pytest.raises(ImageError, match=said) as caught:
            read_picture(tmp_path / name)
        assert caught.value.kind == "not grayscale", name


@pytest.mark.parametrize("channel", range(3))
@pytest.mark.parametrize("away", [-COLOUR_TOLERANCE - 1, -COLOUR_TOLERANCE, COLOUR_TOLERANCE, COLOUR_TOLERANCE + 1])
def test_channels_may_differ_as_jpeg_rounds_them(tmp_path: Path, channel: int, away: int) -> None:
    rgb = np.full((5, 7, 3), 100, np.uint8)
    rgb[2, 3, channel] += np.array(away).astype(np.uint8)
    Image.fromarray(rgb).save(tmp_path / "picture.png")
    if abs(away) > COLOUR_TOLERANCE:
        with pytest.raises(ImageError, match="colour"):
            read_picture(tmp_path / "picture.png")
    else:
        assert np.array_equal(read_picture(tmp_path / "picture.png"), rgb[..., 1])


def rgb16_png(path: Path, pixels: NDArray[np.uint16]) -> None:
    """Pillow does not write it."""
    import zlib

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("suffix", ["tif", "gif", "png"])
def test_pages_are_counted_chosen_or_all_taken(tmp_path: Path, suffix: str) -> None:
    pages = [GRAY, GRAY[::-1].copy(), (GRAY // 2).astype(np.uint8)]
    first, *others = [Image.fromarray(page) for page in pages]
    path = tmp_path / f"a.{suffix}"
    first.save(path, save_all=True, append_images=others)
    assert PictureReader().header(path).unreadable == "several frames, and no data.frame"
    with pytest.raises(ImageError, match=r"data\.frame=all"):
        read_picture(path)
    header = PictureReader(0).header(path)
    assert (header.frames, header.caveats) == (1, ("several frames, of which one is used",))
    assert [(picture == pages[0]).all() for picture in PictureReader(0).pictures(path, False)] == [True]
    assert (next(PictureReader(1).pictures(path, False)) == pages[1]).all()
    every = PictureReader("all")
    assert (every.header(path).frames, every.header(path).caveats) == (3, ())
    assert all((a == b).all() for a, b in zip(every.pictures(path, False), pages, strict=True))
    with pytest.raises(ImageError, match="no page 3"):
        next(PictureReader(3).pictures(path, False))


def test_a_damaged_orientation_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(GRAY).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\xff\xff")
    assert read_picture(path).shape == GRAY.shape
    assert PictureReader().header(path).size == "12×8"


def test_no_picture_says_that_nothing_is_burned_in(tmp_path: Path) -> None:
    Image.fromarray(GRAY).save(tmp_path / "a.png")
    assert PictureReader().header(tmp_path / "a.png").burned_in == "unsaid"
