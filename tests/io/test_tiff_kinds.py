"""Kinds of TIFF that few make: palettes of any depth, extra samples, inks, odd depths, lost directories."""

import logging
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image
from refusals import refused

from fcrbench.io import read_image, read_labels

RNG = np.random.default_rng(0)
PALETTE, WHITE_IS_ZERO = 3, 0
OPAQUE = 2  # the extra sample is alpha that colours are not multiplied by


def packed(values, bits, order):
    """Rows as TIFF 6.0 packs them: whole bytes in the file's order, else bits, the highest first."""
    rows = []
    for row in values.reshape(len(values), -1).tolist():
        if bits % 8 == 0:
            rows += [v.to_bytes(bits // 8, "little" if order == "<" else "big", signed=v < 0) for v in row]
        else:
            text = "".join(f"{v % 2**bits:0{bits}b}" for v in row)
            text += "0" * (-len(text) % 8)
            rows.append(int(text, 2).to_bytes(len(text) // 8, "big"))
    return b"".join(rows)


def raw_tiff(
    values,
    bits,
    order="<",
    *,
    photometric=1,
    colours=None,
    planar=1,
    extra=None,
    signed=False,
    predictor=1,
    following=0,
):
    """A TIFF of (H, W) or (H, W, S) samples. following: where it says that another directory is."""
    height, width = values.shape[:2]
    samples = 1 if values.ndim == 2 else values.shape[2]
    planes = [values] if planar == 1 else list(np.moveaxis(values, 2, 0))
    strips = [packed(plane, bits, order) for plane in planes]
    entries = [
        (256, "I", [width]), (257, "I", [height]), (258, "H", [bits] * samples), (259, "H", [1]),
        (262, "H", [photometric]), (273, "I", [0] * len(strips)), (277, "H", [samples]),
        (278, "I", [height]), (279, "I", [len(strip) for strip in strips]), (284, "H", [planar]),
        (317, "H", [predictor]), (339, "H", [2 if signed else 1] * samples),
    ]  # fmt: skip
    if colours is not None:
        entries.append((320, "H", np.asarray(colours).T.reshape(-1).tolist()))
    if extra is not None:
        entries.append((338, "H", [extra]))
    entries.sort()
    at = 8 + 2 + 12 * len(entries) + 4
    sizes = [struct.calcsize(order + form) * len(v) for _, form, v in entries]
    pixels = at + sum(size + size % 2 for size in sizes if size > 4)
    places = [pixels + sum(map(len, strips[:i])) for i in range(len(strips))]
    directory, rest = struct.pack(order + "H", len(entries)), b""
    for (tag, form, found), size in zip(entries, sizes, strict=True):
        content = struct.pack(f"{order}{len(found)}{form}", *(places if tag == 273 else found))
        kind = {"H": 3, "I": 4}[form]
        if size > 4:
            where = struct.pack(order + "I", at + len(rest))
            rest += content + b"\0" * (size % 2)
        else:
            where = content.ljust(4, b"\0")
        directory += struct.pack(order + "HHI", tag, kind, len(found)) + where
    directory += struct.pack(order + "I", following)
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "I", 8) + directory + rest + b"".join(strips)


def written(path, data):
    path.write_bytes(data)
    return path


def grays(bits):
    """A palette of 2**bits grays, (n, 3), from black to white."""
    return np.repeat(np.linspace(0, 65535, 2**bits).astype(int)[:, None] // 257 * 257, 3, axis=1)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize(
    ("alpha", "planar"), [(None, 1), *((a, p) for a in ("opaque", "clear", "unspecified") for p in (1, 2))]
)
def test_palette_of_any_depth_with_and_without_alpha(tmp_path, order, bits, planar, alpha):
    indices = RNG.integers(0, min(2**bits, 300), (5, 7))
    table = grays(bits)
    values, extra = indices, None
    if alpha is not None:
        share = np.full_like(indices, 2**bits - 1)
        if alpha == "clear":
            share[2, 3] = 0
        values, extra = np.stack([indices, share], -1), 0 if alpha == "unspecified" else OPAQUE
    data = raw_tiff(values, bits, order, photometric=PALETTE, colours=table, planar=planar, extra=extra)
    path = written(tmp_path / "p.tif", data)
    if alpha == "clear":
        refused(read_image, path, "transparency in 1 pixels", "red, 1 green")
    else:
        read = read_image(path)
        assert read.dtype == np.uint8
        np.testing.assert_array_equal(read, table[indices, 0] // 257)
    labels = read_labels(path)  # transparency is none of its ids
    assert labels.dtype == (np.uint8 if bits <= 8 else np.uint16)
    np.testing.assert_array_equal(labels, indices)


def test_palette_of_sixteen_bit_colours_keeps_them(tmp_path):
    indices = RNG.integers(0, 4, (5, 7))
    table = np.repeat([[0], [257], [1000], [65535]], 3, axis=1)
    alpha = np.stack([indices, np.full_like(indices, 3)], -1)
    for values, extra in ((indices, None), (alpha, OPAQUE)):
        data = raw_tiff(values, 2, photometric=PALETTE, colours=table, extra=extra)
        read = read_image(written(tmp_path / "p.tif", data))
        assert read.dtype == np.uint16
        np.testing.assert_array_equal(read, table[indices, 0])


def test_palette_with_alpha_by_pillow(tmp_path):
    """The file of the audit, 0 all over, its alpha as well; and others."""
    Image.new("PA", (8, 6)).save(tmp_path / "pa.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "pa.tif"), np.zeros((6, 8)))
    image = Image.new("PA", (8, 6), (9, 255))
    image.putpalette([level for level in range(256) for _ in range(3)])
    image.save(tmp_path / "opaque.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "opaque.tif"), np.full((6, 8), 9))
    image.putpixel((3, 2), (9, 254))
    image.save(tmp_path / "clear.tif")
    refused(read_image, tmp_path / "clear.tif", "transparency in 1 pixels")


def test_a_palette_that_is_short_or_lost_is_refused(tmp_path):
    indices = RNG.integers(0, 16, (5, 7))
    short = raw_tiff(indices, 4, photometric=PALETTE, colours=grays(4)[:9])
    refused(read_image, written(tmp_path / "short.tif", short), "palette")
    refused(read_image, written(tmp_path / "none.tif", raw_tiff(indices, 4, photometric=PALETTE)), "palette")
    np.testing.assert_array_equal(read_labels(tmp_path / "none.tif"), indices)


@pytest.mark.parametrize("bits", [8, 16])
def test_white_is_zero_turns_the_gray_round_and_not_its_alpha(tmp_path, bits):
    gray = RNG.integers(0, 2**bits, (5, 7))
    for opacity in (2**bits - 1, 0):
        values = np.stack([gray, np.full_like(gray, opacity)], -1)
        path = written(tmp_path / "w.tif", raw_tiff(values, bits, photometric=WHITE_IS_ZERO, extra=OPAQUE))
        if opacity:
            np.testing.assert_array_equal(read_image(path), 2**bits - 1 - gray)
        else:
            refused(read_image, path, "transparency in 35 pixels")


@pytest.mark.parametrize("mode", ["CMYK", "LAB"])
def test_inks_and_lightness_are_no_gray(tmp_path, mode):
    """Equal inks, or four where the last looks like an opaque alpha, are none of red = green = blue."""
    for fill in (0, 255):
        Image.new(mode, (8, 6), (fill,) * len(mode)).save(tmp_path / "i.tif")
        refused(read_image, tmp_path / "i.tif", "colour space", "expected gray")


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 10, 12, 14, 17, 20, 24, 31])
def test_depths_between_bytes_big_endian(tmp_path, bits):
    values = RNG.integers(0, 2**bits, (5, 7))
    path = written(tmp_path / "d.tif", raw_tiff(values, bits, ">"))
    for read in (read_image, read_labels):
        np.testing.assert_array_equal(read(path), values)
    inverse = written(tmp_path / "w.tif", raw_tiff(values, bits, ">", photometric=WHITE_IS_ZERO))
    np.testing.assert_array_equal(read_image(inverse), 2**bits - 1 - values)


def test_24_bits_of_which_it_is_not_known_how_they_lie_are_refused(tmp_path):
    """Little-endian: libtiff has the lowest byte first, tifffile the highest; TIFF 6.0 allows both."""
    values = RNG.integers(0, 2**24, (5, 7))
    for order, predictor in (("<", 1), (">", 2)):
        path = written(tmp_path / "d.tif", raw_tiff(values, 24, order, predictor=predictor))
        for read in (read_image, read_labels):
            refused(read, path, "24-bit integers")


@pytest.mark.parametrize(("bits", "signed"), [(40, False), (48, False), (4, True), (12, True), (24, True)])
def test_depths_that_are_not_read_are_named(tmp_path, bits, signed):
    path = written(tmp_path / "d.tif", raw_tiff(RNG.integers(0, 4, (5, 7)), bits, signed=signed))
    refused(read_image, path, f"pixels of {bits} bits")


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("following", ["beyond", "odd", "within the pixels"])
def test_what_stands_before_a_lost_directory_is_read_and_said(tmp_path, order, following, caplog):
    """As Pillow and tifffile read it: TIFF 6.0 has 0 after the last directory, some writers have not."""
    gray = np.zeros((50, 70), int)  # a directory of 0 tags, wherever one looks in the pixels
    gray[4:9, 5:9] = 200
    whole = len(raw_tiff(gray, 8, order))
    at = {"beyond": 2**31, "odd": whole + 1, "within the pixels": whole - 300}[following]
    path = written(tmp_path / "a.tif", raw_tiff(gray, 8, order, following=at))
    np.testing.assert_array_equal(np.asarray(Image.open(path)), gray)
    for read in (read_image, read_labels):
        with caplog.at_level(logging.INFO, "fcrbench"):
            caplog.clear()
            np.testing.assert_array_equal(read(path), gray)
        (line,) = caplog.messages
        assert str(path) in line
        assert "1 page" in line


@pytest.mark.parametrize("kind", ["imagej", "ome", "shaped"])
def test_a_stack_that_is_cut_between_its_pages_is_refused(tmp_path, kind):
    """Its own description says that there were more."""
    stack = RNG.integers(0, 255, (3, 40, 50)).astype(np.uint8)
    form = {"imagej": {"imagej": True}, "ome": {"ome": True, "compression": "zlib"}, "shaped": {}}[kind]
    tifffile.imwrite(tmp_path / "s.tif", stack, photometric="minisblack", **form)
    with tifffile.TiffFile(tmp_path / "s.tif") as file:
        second = file.pages[1].offset
    path = written(tmp_path / "s.tif", (tmp_path / "s.tif").read_bytes()[:second])
    for read in (read_image, read_labels):
        refused(read, path)


def test_by_tiles_the_same_kinds_are_read_or_refused(tmp_path):
    """Tiles are given as they are stored: what is not so must not pass for the image."""
    pytest.importorskip("zarr")
    from fcrbench.io.large import open_image

    values = RNG.integers(0, 256, (40, 50))
    whole = (slice(None), slice(None))
    for photometric in (WHITE_IS_ZERO, PALETTE):
        colours = grays(8) if photometric == PALETTE else None
        path = written(tmp_path / "a.tif", raw_tiff(values, 8, photometric=photometric, colours=colours))
        np.testing.assert_array_equal(open_image(path)[whole], values)
        refused(lambda path: open_image(path, indexed=False), path, "colour space", "black-is-zero")
    refused(open_image, written(tmp_path / "b.tif", raw_tiff(values, 24, ">")), "24-bit integers")
    path = written(tmp_path / "c.tif", raw_tiff(values, 8, following=2**31))
    np.testing.assert_array_equal(open_image(path)[whole], values)
