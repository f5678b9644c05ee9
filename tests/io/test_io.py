"""Reading and writing images: what is accepted, what is refused, and that every refusal is one clear line."""

import io
import struct
import subprocess
import sys
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from refusals import refused

from fcrbench.errors import DataError
from fcrbench.io import find_images, read_image, read_labels, write_labels, write_png

RNG = np.random.default_rng(0)
GRAY8 = RNG.integers(0, 256, (23, 31), dtype=np.uint8)
GRAY16 = RNG.integers(0, 65536, (23, 31), dtype=np.uint16)


def png(path, array):
    path.write_bytes(imagecodecs.png_encode(array))
    return path


def tif(path, array, **options):
    tifffile.imwrite(path, array, **options)
    return path


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(rows, width, bits, colour_type, extra=b"", height=None, interlace=0):
    """A PNG from packed rows: for the depths and palettes the encoder does not offer."""
    header = struct.pack(">IIBBBBB", width, height or len(rows), bits, colour_type, 0, 0, interlace)
    data = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def palette_png(indices, colours):
    table = bytes(np.asarray(colours, dtype=np.uint8).reshape(-1))
    plte = struct.pack(">I", len(table)) + b"PLTE" + table + struct.pack(">I", zlib.crc32(b"PLTE" + table))
    return raw_png(indices.astype(np.uint8), indices.shape[1], 8, 3, plte)


@pytest.mark.parametrize("array", [GRAY8, GRAY16], ids=["uint8", "uint16"])
def test_png_values_unchanged(tmp_path, array):
    read = read_image(png(tmp_path / "a.png", array))
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "lzw"},
        {"compression": "lzw", "predictor": True, "rowsperstrip": 5},
        {"compression": "zlib", "tile": (16, 16)},
        {"compression": "jpegxl", "compressionargs": {"lossless": True}},
        {"byteorder": ">"},
        {"bigtiff": True},
    ],
    ids=lambda options: "-".join(map(str, options)) or "plain",
)
def test_tiff_values_unchanged(tmp_path, options):
    read = read_image(tif(tmp_path / "a.tif", GRAY16, **options))
    assert read.dtype == np.dtype("uint16")
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, GRAY16)


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint32", "float32", "float64"])
def test_other_tiff_dtypes_kept(tmp_path, dtype):
    array = (GRAY8.astype(dtype) - 5) if dtype != "uint32" else GRAY8.astype(dtype) * 70000
    read = read_image(tif(tmp_path / "a.tif", array))
    assert read.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("writer", [png, tif])
@pytest.mark.parametrize("array", [GRAY8, GRAY16], ids=["uint8", "uint16"])
@pytest.mark.parametrize("alpha", [False, True])
def test_equal_channels_become_gray(tmp_path, writer, array, alpha):
    channels = [array] * 3 + ([np.full_like(array, np.iinfo(array.dtype).max)] if alpha else [])
    read = read_image(writer(tmp_path / "rgb", np.stack(channels, axis=-1)))
    np.testing.assert_array_equal(read, array)


def test_gray_with_opaque_alpha(tmp_path):
    pixels = np.stack([GRAY8, np.full_like(GRAY8, 255)], axis=-1)
    np.testing.assert_array_equal(read_image(png(tmp_path / "ga.png", pixels)), GRAY8)


@pytest.mark.parametrize("writer", [png, tif])
def test_colours_refused(tmp_path, writer):
    pixels = np.stack([GRAY16, GRAY16, GRAY16], axis=-1)
    pixels[4, 5, 1] ^= 1  # one count of difference in a 16-bit file: a reader of 8 bits would miss it
    refused(read_image, writer(tmp_path / "rgb", pixels), "3 channels (0 red, 1 green, 2 blue)", "--channel")


def test_transparency_refused(tmp_path):
    pixels = np.stack([GRAY8, GRAY8, GRAY8, GRAY8 // 2], axis=-1)
    refused(read_image, png(tmp_path / "a.png", pixels), "transparency in")


def test_pages_equal_or_refused(tmp_path):
    same = tif(tmp_path / "same.tif", np.stack([GRAY8] * 3), photometric="minisblack")
    np.testing.assert_array_equal(read_image(same), GRAY8)
    stack = tif(tmp_path / "stack.tif", np.stack([GRAY8, GRAY8 + 1]), photometric="minisblack")
    refused(read_image, stack, "2 pages that differ", "--channel INDEX or --plane INDEX")
    refused(read_labels, same, "3 pages, expected a label image with one")
    with tifffile.TiffWriter(tmp_path / "mixed.tif") as writer:
        writer.write(GRAY8)
        writer.write(GRAY8[:5])
    refused(read_image, tmp_path / "mixed.tif", "different shapes")


def test_thumbnail_is_no_page(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(GRAY8)
        writer.write(GRAY8[::2, ::2], subfiletype=1)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), GRAY8)


@pytest.mark.parametrize("options", [{"imagej": True, "metadata": {"axes": "ZYX"}}, {}])
def test_stack_behind_one_directory(tmp_path, options):
    stack = np.stack([GRAY16, GRAY16 + 1, GRAY16])
    options = {"photometric": "minisblack", **options}
    options["metadata"] = {**options.get("metadata", {}), "truncate": True}
    tifffile.imwrite(tmp_path / "s.tif", stack, **options)
    for plane in range(3):
        np.testing.assert_array_equal(read_image(tmp_path / "s.tif", plane=plane), stack[plane])
    np.testing.assert_array_equal(read_labels(tmp_path / "s.tif", volume=True), stack)
    whole = (tmp_path / "s.tif").read_bytes()
    with tifffile.TiffFile(tmp_path / "s.tif") as file:
        end = file.series[0].dataoffset + stack.nbytes
    (tmp_path / "cut.tif").write_bytes(whole[: end - 1])
    refused(read_image, tmp_path / "cut.tif")


def test_volume_in_one_page_refused(tmp_path):
    volume = np.zeros((16, 16, 16), dtype=np.uint8)
    path = tif(tmp_path / "v.tif", volume, volumetric=True, tile=(16, 16, 16))
    refused(read_image, path, "axes")


def test_palette_expanded_for_images_kept_for_labels(tmp_path):
    indices = np.arange(12).reshape(3, 4) % 5
    gray, colours = [[50 * i] * 3 for i in range(5)], [[i, 0, 255 - i] for i in range(5)]
    path = tmp_path / "p.png"
    path.write_bytes(palette_png(indices, gray))
    np.testing.assert_array_equal(read_image(path), 50 * indices)
    np.testing.assert_array_equal(read_labels(path), indices)
    path.write_bytes(palette_png(indices, colours))
    np.testing.assert_array_equal(read_labels(path), indices)
    refused(read_image, path, "3 channels (0 red")
    table = np.zeros((3, 256), dtype=np.uint16)
    table[:] = np.arange(256) * 257
    tiff = tif(tmp_path / "p.tif", indices.astype(np.uint8), photometric="palette", colormap=table)
    np.testing.assert_array_equal(read_image(tiff), indices)
    np.testing.assert_array_equal(read_labels(tiff), indices)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_shallow_png_keeps_its_values(tmp_path, bits):
    values = np.arange(24).reshape(3, 8) % 2**bits
    per_byte = 8 // bits
    rows = [
        [
            sum(int(v) << bits * (per_byte - 1 - i) for i, v in enumerate(row[k : k + per_byte]))
            for k in range(0, 8, per_byte)
        ]
        for row in values
    ]
    path = tmp_path / "a.png"
    path.write_bytes(raw_png(rows, 8, bits, 0))
    np.testing.assert_array_equal(read_image(path), values)
    np.testing.assert_array_equal(read_labels(path), values)


ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


@pytest.mark.parametrize("shape", [(1, 1), (3, 9), (13, 18)])
@pytest.mark.parametrize("array", [GRAY8, GRAY16, np.stack([GRAY16] * 3, axis=-1)], ids=["8", "16", "rgb"])
def test_interlaced_png(tmp_path, array, shape, capfd):
    """Rows of the seven passes one after the other; Pillow reads the 8-bit ones the same."""
    array = array[: shape[0], : shape[1]]
    rows = []
    for y, x, down, right in ADAM7:
        part = array[y::down, x::right]
        rows += [row.astype(row.dtype.newbyteorder(">")).tobytes() for row in part if row.size]
    colour = 2 if array.ndim == 3 else 0
    file = raw_png(rows, shape[1], 8 * array.itemsize, colour, height=shape[0], interlace=1)
    (tmp_path / "a.png").write_bytes(file)
    read = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(read, array if array.ndim == 2 else array[..., 0])
    if array.dtype == np.uint8:
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), array)
    assert capfd.readouterr() == ("", "")


def header(width=9, height=4, bits=8, colour=0, *ways):
    return struct.pack(">IIBBBBB", width, height, bits, colour, *(ways or (0, 0, 0)))


ROWS = chunk(b"IDAT", zlib.compress(bytes(4 * 10)))
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("chunks", "words"),
    [
        (chunk(b"IHDR", header(width=0)), "4 x 0 pixels"),
        (chunk(b"IHDR", header(height=2**31)), "2147483648 x 9 pixels"),
        (chunk(b"IHDR", header(width=10**6, height=10**6)), "claims 1,000,000,000,000 bytes"),
        (chunk(b"IHDR", header(bits=3)), "colour type 0 with 3 bits"),
        (chunk(b"IHDR", header(9, 4, 4, 2)), "colour type 2 with 4 bits"),
        (chunk(b"IHDR", header(9, 4, 8, 0, 1, 0, 0)), "unknown method of compression"),
        (chunk(b"IHDR", header(9, 4, 8, 3)), "a palette of 0 bytes"),
        (chunk(b"IHDR", header()) * 2, "IHDR comes twice"),
        (chunk(b"IHDR", header())[:-1] + b"x", "checksum of IHDR"),
        (chunk(b"gAMA", bytes(4)) + chunk(b"IHDR", header()), "no header"),
        (b"", "no header"),
    ],
)  # fmt: skip
def test_png_of_a_bad_structure_is_refused(tmp_path, chunks, words, capfd):
    (tmp_path / "a.png").write_bytes(PNG + chunks + ROWS + chunk(b"IEND", b""))
    refused(read_image, tmp_path / "a.png", words)
    assert capfd.readouterr() == ("", "")


def test_png_without_pixels_or_with_a_damaged_remark(tmp_path, capfd):
    (tmp_path / "a.png").write_bytes(PNG + chunk(b"IHDR", header()) + chunk(b"IEND", b""))
    refused(read_image, tmp_path / "a.png", "no pixels")
    remark = chunk(b"zTXt", b"x")[:-1] + b"?" + chunk(b"iCCP", b"no profile") + chunk(b"gAMA", bytes(99))
    (tmp_path / "b.png").write_bytes(PNG + chunk(b"IHDR", header()) + remark + ROWS + chunk(b"IEND", b""))
    np.testing.assert_array_equal(read_image(tmp_path / "b.png"), np.zeros((4, 9)))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"bigtiff": True}])
def test_tiff_directories_that_form_a_ring_or_leave_the_file(tmp_path, options):
    """The second directory names the first one, or itself, as the next; the header names nothing."""
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, **options) as writer:
        for _ in range(2):
            writer.write(GRAY8)
    with tifffile.TiffFile(path) as file:
        order, width = file.byteorder, 8 if file.is_bigtiff else 4
        first, second = (page.offset for page in file.pages)
        (end,) = (file.pages[1].offset + (8 + 20 * n if file.is_bigtiff else 2 + 12 * n)
                  for n in (len(file.pages[1].tags),))  # fmt: skip
    whole = bytearray(path.read_bytes())
    for offset in (first, second):
        whole[end : end + width] = offset.to_bytes(width, {"<": "little", ">": "big"}[order])
        path.write_bytes(whole)
        refused(read_image, path, "form a ring")
    at = 8 if width == 8 else 4
    whole[at : at + width] = (len(whole) + 9).to_bytes(width, {"<": "little", ">": "big"}[order])
    path.write_bytes(whole)
    refused(read_image, path, "shorter than")


def test_white_is_zero_is_turned_round(tmp_path):
    path = tif(tmp_path / "a.tif", GRAY8, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(path), 255 - GRAY8)
    np.testing.assert_array_equal(read_labels(path), GRAY8)


def test_bool_mask(tmp_path):
    mask = GRAY8 > 100
    path = tif(tmp_path / "a.tif", mask)
    for read in (read_image(path), read_labels(path)):
        assert read.dtype == np.uint8
        np.testing.assert_array_equal(read, mask.astype(np.uint8))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_float_image_must_be_finite(tmp_path, bad):
    array = GRAY8.astype(np.float32)
    array[2, 3] = bad
    refused(read_image, tif(tmp_path / "a.tif", array), "1 pixels are NaN or infinite")


def test_complex_image_refused(tmp_path):
    refused(read_image, tif(tmp_path / "a.tif", GRAY8.astype(np.complex64)), "complex64")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_labels_of_whole_numbers_in_a_float_file(tmp_path, dtype):
    labels = GRAY8.astype(dtype)
    read = read_labels(tif(tmp_path / "f.tif", labels))
    assert read.dtype == np.uint32
    np.testing.assert_array_equal(read, GRAY8)
    for bad, words in ((0.5, "whole"), (np.nan, "whole"), (np.inf, "whole"), (-1, "none below 0")):
        labels[2, 3] = bad
        refused(read_labels, tif(tmp_path / "b.tif", labels), words)


def test_labels_that_a_float_cannot_tell_apart_are_refused(tmp_path):
    labels = GRAY8.astype(np.float32)
    labels[0, 0] = 2.0**24
    assert read_labels(tif(tmp_path / "a.tif", labels)).max() == 2**24
    labels[0, 0] = 2.0**24 + 2
    refused(read_labels, tif(tmp_path / "b.tif", labels), "float32 is exact only up to 16777216")


def test_labels_packed_into_colours(tmp_path):
    """As QuPath exports many instances: id = 65536 red + 256 green + blue. Equal colours are gray."""
    ids = np.zeros(GRAY8.shape, int)
    for k, (y, x) in enumerate(np.ndindex(5, 6), 1):
        ids[4 * y : 4 * y + 3, 5 * x : 5 * x + 4] = 37 * k
    colours = np.stack([ids >> 16, ids >> 8 & 255, ids & 255], -1).astype(np.uint8)
    alpha = np.dstack([colours, np.full(ids.shape, 255, np.uint8)])
    for k, pixels in enumerate((colours, alpha)):
        for write, suffix in ((png, "png"), (tif, "tif")):
            np.testing.assert_array_equal(read_labels(write(tmp_path / f"{k}.{suffix}", pixels)), ids)
    np.testing.assert_array_equal(read_labels(png(tmp_path / "g.png", np.stack([GRAY8] * 3, -1))), GRAY8)
    refused(read_labels, png(tmp_path / "w.png", colours.astype(np.uint16)), "3 channels of uint16")
    many = np.arange(1, 65 * 2**12 + 1).reshape(65, -1).repeat(2, 1)  # ids beyond 65535
    colours = np.stack([many >> 16, many >> 8 & 255, many & 255], -1).astype(np.uint8)
    np.testing.assert_array_equal(read_labels(png(tmp_path / "m.png", colours)), many)


def test_colours_that_are_no_ids_are_refused(tmp_path):
    picture = RNG.integers(0, 256, (*GRAY8.shape, 3)).astype(np.uint8)
    painted = np.zeros_like(picture)
    painted[3:9, 4:9], painted[12:16, 2:20] = (255, 0, 60), (90, 200, 30)
    for pixels in (picture, painted):
        refused(read_labels, png(tmp_path / "a.png", pixels), "3 channels (red, green, blue) of a picture")


def test_labels_negative_or_of_several_channels_refused(tmp_path):
    refused(read_labels, tif(tmp_path / "n.tif", GRAY8.astype(np.int32) - 9), "-9", "none below 0")
    channels = tmp_path / "c.tif"
    tifffile.imwrite(channels, np.stack([GRAY8] * 3), imagej=True, metadata={"axes": "CYX"})
    refused(read_labels, channels, "3 channels, expected a label image with one")


@pytest.mark.parametrize("read", [read_image, read_labels])
def test_missing_empty_and_foreign_files(tmp_path, read):
    refused(read, tmp_path / "none.png", "no such file")
    (tmp_path / "empty.png").write_bytes(b"")
    refused(read, tmp_path / "empty.png", "empty")
    (tmp_path / "text.png").write_text("not an image")
    refused(read, tmp_path / "text.png", "a text file, not PNG, TIFF")
    (tmp_path / "folder.png").mkdir()
    refused(read, tmp_path / "folder.png", "a folder, expected an image")
    (tmp_path / "header.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    refused(read, tmp_path / "header.png", "truncated or damaged")


def attempt(path):
    """The image, or None after a proper refusal; any other exception goes on."""
    try:
        return read_image(path)
    except DataError as error:
        message = str(error)
    assert str(path) in message
    assert "\n" not in message
    return None


def encoded(kind):
    if kind == "png":
        return imagecodecs.png_encode(GRAY16)
    buffer = io.BytesIO()
    arguments = {"lossless": True} if kind == "jpegxl" else None
    compression = None if kind == "plain" else kind
    tifffile.imwrite(buffer, GRAY16, compression=compression, compressionargs=arguments, rowsperstrip=6)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["png", "plain", "lzw", "zlib", "jpegxl"])
def test_truncated_anywhere(tmp_path, kind, capfd):
    """However much of the file is missing: an error or (a lost trailer) the right pixels; no chatter."""
    data = encoded(kind)
    path = tmp_path / "cut"
    for length in [*range(1, len(data), max(len(data) // 40, 1)), len(data) - 4, len(data) - 1]:
        path.write_bytes(data[:length])
        if (read := attempt(path)) is not None:
            assert length >= len(data) - 12, length
            np.testing.assert_array_equal(read, GRAY16)
    assert capfd.readouterr() == ("", "")


@settings(deadline=None)
@given(
    labels=hnp.arrays(
        st.sampled_from([np.uint8, np.uint16, np.int32, np.int64]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
        elements=st.integers(0, 120),
    ),
    shift=st.sampled_from([0, 65400, 4_000_000_000]),
)
def test_labels_survive_the_round_trip(tmp_path_factory, labels, shift):
    if shift and labels.dtype != np.int64:
        shift = 0
    labels = labels + shift if shift else labels
    path = tmp_path_factory.getbasetemp() / "round.tif"
    write_labels(path, labels)
    read = read_labels(path)
    assert read.dtype == (np.uint16 if labels.max() <= 65535 else np.uint32)
    np.testing.assert_array_equal(read, labels)


def test_directory_that_claims_too_much(tmp_path):
    """A damaged height must not make the reader take gigabytes."""
    data = bytearray(encoded("lzw"))
    with tifffile.TiffFile(io.BytesIO(data)) as tif_file:
        position = tif_file.pages[0].tags["ImageLength"].valueoffset
    data[position : position + 4] = struct.pack("<I", 2**31 - 1)
    (tmp_path / "a.tif").write_bytes(data)
    refused(read_image, tmp_path / "a.tif", "claims")


def test_write_labels_accepts_views_and_bool(tmp_path):
    labels = np.arange(48, dtype=np.int32).reshape(6, 8)
    for array in (labels.T, labels[::2, ::-1], labels > 7):
        write_labels(tmp_path / "a.tif", array)
        np.testing.assert_array_equal(read_labels(tmp_path / "a.tif"), array)


@pytest.mark.parametrize(
    ("labels", "error", "words"),
    [
        (np.zeros((2, 2), np.float32), TypeError, "float32"),
        (np.full((2, 2), -1), ValueError, "-1"),
        (np.full((2, 2), 2**32), ValueError, "4294967296"),
        (np.zeros((2, 2, 2), int), ValueError, "(2, 2, 2)"),
        (np.zeros((0, 2), int), ValueError, "(0, 2)"),
    ],
)
def test_write_labels_refuses(tmp_path, labels, error, words):
    with pytest.raises(error, match=words.replace("(", r"\(").replace(")", r"\)")):
        write_labels(tmp_path / "a.tif", labels)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 3)])
def test_write_png(tmp_path, dtype, shape):
    picture = RNG.integers(0, np.iinfo(dtype).max, shape).astype(dtype)
    write_png(tmp_path / "a.png", picture[::-1])
    read = imagecodecs.png_decode((tmp_path / "a.png").read_bytes())
    np.testing.assert_array_equal(read, picture[::-1])


def test_write_png_refuses(tmp_path):
    with pytest.raises(TypeError, match="float64"):
        write_png(tmp_path / "a.png", np.zeros((3, 3)))
    with pytest.raises(ValueError, match="shape"):
        write_png(tmp_path / "a.png", np.zeros((3, 3, 2), np.uint8))
    assert not list(tmp_path.iterdir())


def test_find_images(tmp_path):
    for name in ("b.PNG", "a.tif", "c.Tiff", ".hidden.png", "._a.tif", "notes.txt", "d.gif"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    found = find_images(tmp_path)
    assert list(found) == ["a", "b", "c"]
    assert found["b"] == tmp_path / "b.PNG"


def test_find_images_refuses(tmp_path):
    refused(find_images, tmp_path / "none", "no such folder")
    (tmp_path / "a.png").write_bytes(b"x")
    refused(find_images, tmp_path / "a.png", "expected a folder of images, found a file")
    (tmp_path / "a.tif").write_bytes(b"x")
    refused(find_images, tmp_path, "a.png", "a.tif", "stem")


def test_import_is_light():
    """`import fcrbench.datasets` (and io) loads no decoder, downloader or framework."""
    code = (
        "import sys, fcrbench.datasets, fcrbench.io, fcrbench.datasets.fetch; "
        "heavy = 'tifffile imagecodecs pooch requests PIL scipy numba pandas torch rich'.split(); "
        "print(sorted(set(heavy) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
