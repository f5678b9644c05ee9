"""JPEG, JPEG 2000, BMP and WebP are read as Pillow reads them, whatever the suffix, or refused."""

import io
import struct
import zipfile
from contextlib import suppress

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps
from refusals import refused
from scipy import ndimage

from fcrbench.errors import DataError
from fcrbench.io import IMAGE_SUFFIXES, read_image, read_labels
from fcrbench.io.decode import decode

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (43, 57, 3)).astype(np.uint8)
IDS = np.kron(RNG.integers(0, 200, (6, 7)), np.ones((7, 8), int)).astype(np.uint8)
WRITERS = {
    "jpg": ("jpeg", {"quality": 95}),
    "progressive.jpg": ("jpeg", {"quality": 60, "progressive": True}),
    "restarts.jpg": ("jpeg", {"quality": 60, "restart_marker_rows": 1}),
    "jp2": ("jpeg2000", {"irreversible": False}),
    "lossy.jp2": ("jpeg2000", {"irreversible": True, "quality_layers": [20]}),
    "j2k": ("jpeg2000", {"no_jp2": True}),
    "bmp": ("bmp", {}),
    "webp": ("webp", {"lossless": True}),
    "lossy.webp": ("webp", {"quality": 80}),
}
LOSSY = {"jpg", "progressive.jpg", "restarts.jpg", "lossy.jp2", "lossy.webp"}


def drawn(levels=220, size=(160, 200)):
    """A field of round nuclei with texture and noise, 8 bit."""
    rng = np.random.default_rng(3)
    y, x = np.indices(size)
    field = np.zeros(size)
    for cy, cx, r, bright in zip(
        rng.uniform(0, size[0], 40),
        rng.uniform(0, size[1], 40),
        rng.uniform(4, 9, 40),
        rng.uniform(0.3, 1, 40),
        strict=True,
    ):
        field = np.maximum(field, bright * ((y - cy) ** 2 + (x - cx) ** 2 < r**2))
    texture = ndimage.gaussian_filter(rng.normal(size=size), 1)
    field = ndimage.gaussian_filter(field, 0.8) * (1 + 0.3 * texture) + 0.03 + rng.normal(0, 0.01, size)
    return (np.clip(field / field.max(), 0, 1) * levels).astype(np.uint8)


def save(path, pixels, kind, **more):
    form, options = WRITERS[kind]
    Image.fromarray(pixels).save(path, form, **options, **more)
    return path


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("colour", [True, False])
def test_pixels_are_those_of_pillow_whatever_the_suffix(tmp_path, kind, colour):
    path = save(tmp_path / "a.tif", NOISE if colour else NOISE[..., 0], kind)
    stack = decode(path)
    theirs = np.asarray(Image.open(path).convert("RGB"))
    pixels = stack.pixels if stack.axes == "SYX" else np.stack([stack.pixels] * 3)
    assert stack.lossy == (kind in LOSSY)
    assert stack.channels == (("red", "green", "blue") if stack.axes == "SYX" else ())
    # Decoders round differently.
    assert np.abs(pixels.astype(int) - np.moveaxis(theirs, -1, 0)).max() <= (3 if stack.lossy else 0)
    if not colour:
        np.testing.assert_array_equal(read_image(path), pixels[0])
    assert any(kind.endswith(suffix[1:]) for suffix in IMAGE_SUFFIXES)


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind not in LOSSY])
def test_labels_in_files_without_loss(tmp_path, kind):
    path = save(tmp_path / f"a.{kind}", IDS, kind)
    np.testing.assert_array_equal(read_labels(path), IDS)


def test_16_bit_jpeg_2000_and_its_kinds(tmp_path):
    deep = RNG.integers(0, 65536, (43, 57)).astype(np.uint16)
    for suffix in ("jp2", "j2k"):
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(imagecodecs.jpeg2k_encode(deep, level=0, codecformat=suffix))
        np.testing.assert_array_equal(read_image(path), deep)
        np.testing.assert_array_equal(read_labels(path), deep)
        assert not decode(path).lossy
    with_alpha = np.dstack([NOISE, np.full((43, 57), 255, np.uint8)])
    path.write_bytes(imagecodecs.jpeg2k_encode(with_alpha, level=0))
    np.testing.assert_array_equal(read_image(path, "blue"), NOISE[..., 2])


@pytest.mark.parametrize("lossless", [True, False])
def test_jpeg_of_more_than_8_bits(tmp_path, lossless):
    deep = (drawn(255).astype(np.uint16) << 4) + 3
    options = {"lossless": True, "bitspersample": 16} if lossless else {"bitspersample": 12, "level": 98}
    (tmp_path / "a.jpg").write_bytes(imagecodecs.jpeg8_encode(deep, **options))
    read = read_image(tmp_path / "a.jpg")
    assert read.dtype == np.uint16
    assert np.abs(read.astype(int) - deep).max() <= (0 if lossless else 60)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_cut_anywhere_is_refused(tmp_path, kind, capfd):
    pixels = drawn()
    whole = save(tmp_path / "whole", pixels, kind).read_bytes()
    theirs = decode(tmp_path / "whole").pixels
    path = tmp_path / f"cut.{kind}"
    for length in [*range(20, len(whole), len(whole) // 30), len(whole) - 3, len(whole) - 1]:
        path.write_bytes(whole[:length])
        if length <= len(whole) - 4:
            refused(read_image, path, "truncated or damaged")
        else:  # a lost trailer
            with suppress(DataError):
                np.testing.assert_array_equal(decode(path).pixels, theirs)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["jpg", "progressive.jpg", "restarts.jpg"])
def test_a_jpeg_that_lacks_data_in_its_middle_is_refused(tmp_path, kind):
    """libjpeg gives gray for what is missing, and programs that repair a file add its last marker."""
    whole = save(tmp_path / "a.jpg", drawn(), kind).read_bytes()
    for share in (0.4, 0.6, 0.9):
        (tmp_path / "a.jpg").write_bytes(whole[: int(share * len(whole))].rstrip(b"\xff") + b"\xff\xd9")
        refused(read_image, tmp_path / "a.jpg", "truncated or damaged")
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2].ljust(len(whole), b"\0"))
    refused(read_image, tmp_path / "a.jpg", "truncated or damaged")
    (tmp_path / "a.jpg").write_bytes(whole + b"what a camera adds \xff\xd8")
    assert read_image(tmp_path / "a.jpg").shape == (160, 200)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "webp"])
def test_orientation_is_that_of_pillow(tmp_path, orientation, kind):
    exif = Image.Exif()
    exif[274] = orientation
    exif[0x010E] = "a field"
    path = save(tmp_path / f"a.{kind}", drawn(), kind, exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("L"))
    assert np.abs(read_image(path).astype(int) - upright).max() <= 1
    if kind == "webp":
        np.testing.assert_array_equal(read_labels(path), upright)


def test_orientation_in_png_and_damaged_exif(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    path = tmp_path / "a.png"
    Image.fromarray(IDS).save(path, exif=exif)
    np.testing.assert_array_equal(read_image(path), np.rot90(IDS, -1))
    np.testing.assert_array_equal(read_labels(path), np.rot90(IDS, -1))
    for damaged in (
        b"",
        b"II",
        b"II*\0\x08\0\0\0\xff\xff",
        b"MM\0*\xff\xff\xff\xff",
        b"Exif\0\0II*\0" + b"\0" * 40,
    ):
        Image.fromarray(IDS).save(path, exif=damaged)
        np.testing.assert_array_equal(read_image(path), IDS)


@pytest.mark.parametrize("quality", [50, 75, 95])
@pytest.mark.parametrize("levels", [220, 120])
def test_one_colour_of_a_jpeg_is_read(tmp_path, quality, levels):
    """A blue picture of DAPI: at the edges of nuclei a JPEG has some red and green too."""
    field = drawn(levels)
    dark = np.zeros_like(field)
    path = tmp_path / "a.jpg"
    for colours, wanted in {(2,): 2, (1,): 1, (0,): 0, (1, 2): 1, (0, 2): 0, (0, 1, 2): 0}.items():
        pixels = np.dstack([field if k in colours else dark for k in range(3)])
        for subsampling in (0, 2):
            Image.fromarray(pixels).save(path, quality=quality, subsampling=subsampling)
            found = np.asarray(Image.open(path))[..., wanted].astype(int)
            assert np.abs(read_image(path) - found).max() <= 2
        options = {"compression": "jpeg", "compressionargs": {"level": quality}, "photometric": "rgb"}
        tifffile.imwrite(tmp_path / "a.tif", pixels, **options)
        assert np.abs(read_image(tmp_path / "a.tif") - found).max() < 90


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_two_colours_of_a_jpeg_are_refused(tmp_path, quality):
    """Also if one is weak, or a few small spots beside blue nuclei."""
    field, dark = drawn(), np.zeros((160, 200), np.uint8)
    spots = dark.copy()
    spots[50:54, 60:64] = spots[101:105, 31:35] = 255
    for other in (spots, field[::-1] // 3, 255 - field):
        Image.fromarray(np.dstack([other, dark, field])).save(tmp_path / "a.jpg", quality=quality)
        refused(read_image, tmp_path / "a.jpg", "0 red, 1 green, 2 blue", "--channel")
        assert read_image(tmp_path / "a.jpg", "blue").shape == field.shape


def test_a_constant_or_tiny_jpeg(tmp_path):
    for shape in ((1, 1), (3, 20), (9, 8)):
        Image.fromarray(np.full((*shape, 3), 7, np.uint8)).save(tmp_path / "a.jpg")
        assert (read_image(tmp_path / "a.jpg") == 7).all()
        Image.fromarray(np.full((*shape, 3), (0, 0, 90), np.uint8)).save(tmp_path / "a.jpg", quality=95)
        assert read_image(tmp_path / "a.jpg").min() > 80


def bmp(rows, width, bits, height=None, palette=b"", compression=0, masks=b"", header=40):
    """A BMP file of packed rows, from the top if height < 0."""
    body = b"".join(bytes(row).ljust((width * bits + 31) // 32 * 4, b"\0") for row in rows)
    height = height or len(rows)
    if header == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        head = struct.pack(
            "<IiiHHIIiiII", header, width, height, 1, bits, compression, 0, 0, 0, len(palette) // 4, 0
        )
        head = (head + masks).ljust(header + (len(masks) if header == 40 else 0), b"\0")
    start = 14 + len(head) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + head + palette + body


@pytest.mark.parametrize("bits", [1, 4, 8])
@pytest.mark.parametrize("top_down", [False, True])
@pytest.mark.parametrize("header", [40, 124, 12])
def test_bmp_with_a_palette(tmp_path, bits, top_down, header):
    if header == 12 and top_down:
        pytest.skip("the old header has no sign")
    indices = np.arange(5 * 11).reshape(5, 11) % 2**bits
    palette = RNG.integers(0, 256, (2**bits, 3)).astype(np.uint8)
    rows = [
        np.packbits(np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - bits :].ravel())
        for row in indices
    ]
    entry = b"" if header == 12 else b"\0"
    table = b"".join(bytes(colour[::-1]) + entry for colour in palette)
    data = bmp(rows if top_down else rows[::-1], 11, bits, -5 if top_down else 5, table, header=header)
    (tmp_path / "a.bmp").write_bytes(data)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.bmp"), indices)
    for k, name in enumerate(("red", "green", "blue")):
        np.testing.assert_array_equal(read_image(tmp_path / "a.bmp", name), palette[indices, k])
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.bmp").convert("RGB")), palette[indices])


def test_a_bmp_mask_of_two_colours_in_8_bits(tmp_path):
    """Pillow takes its bytes for bits."""
    mask = RNG.integers(0, 2, (5, 11)).astype(np.uint8)
    (tmp_path / "a.bmp").write_bytes(bmp(mask[::-1], 11, 8, 5, b"\0\0\0\0\xff\xff\xff\0"))
    np.testing.assert_array_equal(read_labels(tmp_path / "a.bmp"), mask)
    np.testing.assert_array_equal(read_image(tmp_path / "a.bmp"), mask * 255)


@pytest.mark.parametrize(
    ("bits", "masks", "header"),
    [
        (16, (), 40),
        (24, (), 40),
        (32, (), 40),
        (16, (0xF800, 0x7E0, 0x1F), 40),
        (32, (0xFF0000, 0xFF00, 0xFF), 40),
        (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000), 56),
        (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF), 124),
    ],
)
def test_bmp_of_colours(tmp_path, bits, masks, header):
    pixels = RNG.integers(0, 256, (5, 7, bits // 8)).astype(np.uint8)
    if len(masks) == 4:
        pixels[..., {0xFF000000: 3, 0xFF: 0}[masks[3]]] = 255
    stored = [row.tobytes() for row in pixels]
    data = bmp(
        stored[::-1], 7, bits, 5, b"", 3 if masks else 0, struct.pack(f"<{len(masks)}I", *masks), header
    )
    (tmp_path / "a.bmp").write_bytes(data)
    theirs = np.asarray(Image.open(tmp_path / "a.bmp").convert("RGB")).astype(int)
    for k, name in enumerate(("red", "green", "blue")):
        assert np.abs(read_image(tmp_path / "a.bmp", name) - theirs[..., k]).max() <= (1 if bits == 16 else 0)


def test_what_is_not_supported_is_said(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(NOISE).convert("CMYK").save(path)
    refused(read_image, path, "CMYK", "convert")
    frames = [Image.fromarray(NOISE), Image.fromarray(NOISE[::-1])]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:])
    refused(read_image, tmp_path / "a.webp", "an animation")
    (tmp_path / "a.bmp").write_bytes(bmp([b"\0" * 8], 8, 8, 1, b"\0\0\0\0", compression=1))
    refused(read_image, tmp_path / "a.bmp", "compression 1 is not supported")


def claims(kind):
    """A small file whose header claims a terabyte, or as much as the format allows."""
    whole = io.BytesIO()
    Image.fromarray(NOISE).save(whole, WRITERS[kind][0])
    data = bytearray(whole.getvalue())
    if kind == "jpg":
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = b"\xff\xff\xff\xff"
    elif kind == "jp2":
        at = data.index(b"\xff\x4f\xff\x51") + 8
        data[at : at + 8] = data[at + 16 : at + 24] = b"\0\x0f\xff\xff" * 2
    elif kind == "bmp":
        data[18:26] = struct.pack("<ii", 10**6, 10**6)
    else:
        at = data.index(b"VP8L") + 9 if b"VP8L" in data else data.index(b"VP8 ") + 14
        data[at : at + 4] = b"\xff\x3f\xff\x3f"
    return bytes(data)


@pytest.mark.parametrize("kind", ["jpg", "jp2", "bmp", "webp"])
def test_a_small_file_that_claims_much_is_refused(tmp_path, kind):
    (tmp_path / "a").write_bytes(claims(kind))
    refused(read_image, tmp_path / "a", "pixels" if kind == "bmp" else "claims")


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.png", b"%PDF-1.7 ...", ("a PDF document",)),
        ("a.tif", zipped(), ("a ZIP archive", "unpack")),
        ("a.tif", b"<!DOCTYPE html><html>404</html>", ("HTML", "a failed download?")),
        ("a.tif", b"version https://git-lfs.github.com/spec/v1\noid sha256:0", ("Git LFS", "git lfs pull")),
        ("a.tif", b"Not found", ("a text file",)),
        ("a.tif", bytes(5000), ("only zero bytes",)),
        ("a.jpg", b"GIF89a....", ("a GIF file", "convert")),
        ("a.tif", b"\x01\x02\x03\x04\x05\xfe\xff\x80", ("begins with the bytes 01 02 03 04 05 fe ff 80",)),
        ("a.czi", b"ZISRAWFILE\0\0", ("CZI", 'pip install "fcrbench[bio]"')),
        ("a.tif", b"ZISRAWFILE\0\0", ("CZI", 'pip install "fcrbench[bio]"')),
        ("a.ND2", b"\xda\xce\xbe\x0a\0\0", ("ND2", 'pip install "fcrbench[bio]"')),
        ("a.lif", b"\x70\0\0\0\0", ("LIF", 'pip install "fcrbench[bio]"')),
        ("a.oib", b"\xd0\xcf", ("OIB", 'pip install "fcrbench[bio]" bioio-bioformats')),
        ("a.svs", b"II*\0", ("SVS", "slide")),
    ],
)
def test_what_another_file_is_and_what_helps(tmp_path, name, content, words, monkeypatch):
    monkeypatch.setattr("fcrbench.io.bio.is_installed", lambda suffix: False)
    (tmp_path / name).write_bytes(content)
    for read in (read_image, read_labels):
        refused(read, tmp_path / name, *words)
