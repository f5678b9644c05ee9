"""Real files and mutations of them: random changes of bytes, and changes of the structure of each format."""

import io
import json
import re
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
import torch
from PIL import Image, PngImagePlugin
from safetensors.torch import save

from fcrbench import datasets
from fcrbench.jobs.configure import configure

Rng = np.random.Generator
KINDS = ("png", "tif", "toml", "safetensors", "jpg", "jp2", "bmp", "webp", "zarr")
_PARTS = b"\0part\0"  # between the files of a folder, which are changed as one
_NUMBERS = (0, 1, 2, 3, 4, 7, 8, 16, 32, 64, 127, 128, 255, 256, 4095, 32767, 65535, 65536, 99_999)
_NUMBERS += tuple(2**n + d for n in (24, 28, 31, 32, 40, 63, 64) for d in (-1, 0, 1))
_PNG_CHUNKS = (
    b"PLTE",
    b"tRNS",
    b"gAMA",
    b"sBIT",
    b"zTXt",
    b"iTXt",
    b"iCCP",
    b"acTL",
    b"IDAT",
    b"IEND",
    b"eXIf",
)
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8}
_TIFF_TAGS = (254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 317, 320, 322, 323, 324)
_TIFF_TAGS += (325, 330, 338, 339, 347, 530, 32997, 32998, 34412, 50838, 50839)
_TOML = (
    "1e400", "-1", "0", "nan", "inf", "true", "[]", "{}", '""', '"x"', '"\\u0000"', "1979-05-27", "[1, 2]",
    "9" * 30, "9" * 5000, '{a = 1}', "0x", "'''", "[" * 3000, "[[a]]", "[a.b.c]", "\ufeff",
    "a" + ".a" * 1500 + " = 1",
)  # fmt: skip
_DTYPES = (
    "F64",
    "F32",
    "F16",
    "BF16",
    "F8_E4M3",
    "F8_E5M2",
    "I64",
    "I32",
    "U8",
    "U16",
    "BOOL",
    "C64",
    "F4",
    "X",
)


def network() -> torch.nn.Module:
    """Return a network that the weights in the safetensors files fit."""
    return torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.BatchNorm2d(3))


def originals() -> dict[str, list[bytes]]:
    """Return valid files by kind."""
    sample = next(datasets.create("sample").samples("val"))
    image, labels = sample.image[:48, :56].astype(np.uint16), sample.labels[:48, :56].astype(np.uint8)
    return {
        "png": _png_files(image, labels),
        "tif": _tiff_files(image, labels),
        "toml": _toml_files(),
        "safetensors": _safetensors_files(),
        **_other_images(image, labels),
        "zarr": [pack_folder(files) for files in _zarr_folders(image, labels)],
    }


def _png_files(image: np.ndarray, labels: np.ndarray) -> list[bytes]:
    gray = (image >> 8).astype(np.uint8)
    files = [imagecodecs.png_encode(array) for array in (image, gray, np.stack([gray] * 3, axis=-1))]
    palette = Image.fromarray(labels).convert("P")
    palette.putpalette([c for k in range(256) for c in (k, k, k)])
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "a field")
    text.add_text("Comment", "compressed " * 30, zip=True)
    for picture, options in (
        (palette, {"transparency": 0}),
        (Image.fromarray(labels > 0), {}),
        (Image.fromarray(gray), {"pnginfo": text, "dpi": (300, 300)}),
    ):
        buffer = io.BytesIO()
        picture.save(buffer, "png", **options)
        files.append(buffer.getvalue())
    return files


def _tiff_files(image: np.ndarray, labels: np.ndarray) -> list[bytes]:
    gray = (image >> 8).astype(np.uint8)
    colours = np.arange(256, dtype=np.uint16)[None].repeat(3, 0) * 257
    written: list[tuple[np.ndarray, dict]] = [
        (image, {}),
        (image, {"compression": "lzw", "predictor": True, "rowsperstrip": 7}),
        (image, {"compression": "zlib", "tile": (16, 32), "metadata": None}),
        (image, {"compression": "packbits", "byteorder": ">"}),
        (image, {"compression": "zstd", "bigtiff": True}),
        (image, {"compression": "jpegxl", "compressionargs": {"lossless": True}}),
        (image, {"compression": "jpeg2000", "compressionargs": {"reversible": True}}),
        (gray, {"compression": "jpeg", "rowsperstrip": 16}),
        (gray, {"compression": "lerc"}),
        (gray, {"compression": "png"}),
        (np.stack([gray] * 3, axis=-1), {"photometric": "rgb", "compression": "webp"}),
        (np.stack([image] * 3), {"photometric": "minisblack"}),
        (np.stack([image] * 2), {"imagej": True}),
        (image, {"ome": True}),
        (labels, {"photometric": "palette", "colormap": colours}),
        (labels, {"photometric": "miniswhite"}),
        (labels > 0, {}),
        (image.astype(np.float32), {"compression": "zlib", "predictor": True}),
        (labels.astype(np.int32), {"compression": "lzma"}),
    ]
    files = []
    for array, options in written:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, array, **options)
        files.append(re.sub(rb"uuid:[-0-9a-f]{36}", b"uuid:" + 36 * b"0", buffer.getvalue()))
    return files


def _other_images(image: np.ndarray, labels: np.ndarray) -> dict[str, list[bytes]]:
    """Return JPEG, JPEG 2000, BMP and WebP files."""
    gray = (image >> 8).astype(np.uint8)
    colours = np.dstack([gray, gray // 2, 255 - gray])
    indices = Image.fromarray(labels).convert("P")
    indices.putpalette([c for k in range(256) for c in (k, 255 - k, k)])
    exif = Image.Exif()
    exif[274] = 6
    written: dict[str, list[tuple[object, dict]]] = {
        "jpg": [
            (gray, {}),
            (colours, {"exif": exif}),
            (colours, {"progressive": True, "quality": 40}),
            (colours, {"subsampling": 0, "restart_marker_blocks": 2}),
        ],
        "jp2": [
            (gray, {"irreversible": False}),
            (image, {}),
            (colours, {"irreversible": True, "quality_layers": [10, 5]}),
            (colours, {"no_jp2": True, "tile_size": (16, 16), "num_resolutions": 3}),
            (gray, {"codeblock_size": (16, 16), "precinct_size": (32, 32), "progression": "RPCL"}),
        ],
        "bmp": [(gray, {}), (colours, {}), (indices, {}), (labels > 0, {}), (np.dstack([colours, gray]), {})],
        "webp": [
            (colours, {"exif": exif}),
            (colours, {"lossless": True}),
            (np.dstack([colours, gray]), {"quality": 60}),
            (np.dstack([colours, gray]), {"lossless": True}),
        ],
    }
    forms = {"jpg": "jpeg", "jp2": "jpeg2000"}
    files: dict[str, list[bytes]] = {}
    for kind, pictures in written.items():
        for picture, options in pictures:
            buffer = io.BytesIO()
            if isinstance(picture, np.ndarray):
                picture = Image.fromarray(picture)
            picture.save(buffer, forms.get(kind, kind), **options)
            files.setdefault(kind, []).append(buffer.getvalue())
    return files


def _zarr_folders(image: np.ndarray, labels: np.ndarray) -> list[dict[str, bytes]]:
    """Return the files of OME-Zarr images and plain arrays."""
    import tempfile

    import zarr

    folders = []
    with tempfile.TemporaryDirectory() as folder:
        for k, (version, compressor) in enumerate(
            (("0.4", "auto"), ("0.5", "auto"), ("0.4", None), ("", "auto"))
        ):
            path = Path(folder, str(k))
            form = 3 if version == "0.5" else 2
            data = np.stack([image, image[::-1]]) if version == "0.5" else image
            if version:
                group = zarr.open_group(path, mode="w", zarr_format=form)
                axes = [{"name": name, "type": "space"} for name in "yx"]
                if data.ndim == 3:
                    axes.insert(0, {"name": "c", "type": "channel"})
                scale = [{"type": "scale", "scale": [0.5] * data.ndim}]
                dataset = {"path": "0", "coordinateTransformations": scale}
                attributes = {"multiscales": [{"axes": axes, "datasets": [dataset]}]}
                attributes["omero"] = {"channels": [{"label": "DAPI"}, {"label": "GFP"}][: data.ndim - 1]}
                group.attrs.update({"ome": attributes} if form == 3 else attributes)
                options = {"chunks": (*(1,) * (data.ndim - 2), 32, 32), "compressors": compressor}
                group.create_array("0", data=data, **options)
                group.create_group("labels").attrs["labels"] = []
            else:
                zarr.create_array(path, data=labels, chunks=(32, 32), zarr_format=form)
            files = sorted(found for found in path.rglob("*") if found.is_file())
            folders.append({str(found.relative_to(path)): found.read_bytes() for found in files})
    return folders


def pack_folder(files: dict[str, bytes]) -> bytes:
    return _PARTS.join(part for name, content in files.items() for part in (name.encode(), content))


def unpack_folder(data: bytes, folder: Path) -> None:
    """Write the files of a packed folder; those whose name was changed to none of a file are lost."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    parts = data.split(_PARTS)
    for name, content in zip(parts[::2], parts[1::2], strict=False):
        try:
            path = folder / name.decode()
            if ".." in path.parts or not path.is_relative_to(folder):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except (OSError, ValueError):
            continue


def _toml_files() -> list[bytes]:
    chosen: tuple[dict, ...] = (
        {},
        {"preset": "paper", "seed": 3, "device": "cpu", "evaluate": "best"},
        {"weights": "default"},
        {"dataset": {"name": "synthetic", "options": {"seed": 1}}},
        {"dataset": {"name": "folder", "root": "cells", "options": {"val_fraction": 0.5, "min_size": 9}}},
    )
    return [configure(values).to_toml().encode() for values in chosen]


def _safetensors_files() -> list[bytes]:
    torch.manual_seed(0)
    options = json.dumps(dict(configure({}).options))
    header = {"format": "fcrbench", "method": "fcrnet", "options": options}
    tensors = network().state_dict()
    half = {key: value.half() if value.is_floating_point() else value for key, value in tensors.items()}
    return [_sorted_header(save(each, metadata=header)) for each in (tensors, half)]


def _sorted_header(data: bytes) -> bytes:
    """Return the same file each time, although `save` writes the metadata in random order."""
    (length,) = struct.unpack_from("<Q", data)
    text = json.dumps(json.loads(data[8 : 8 + length]), sort_keys=True).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def mutate(kind: str, data: bytes, rng: Rng) -> bytes:
    """Make one to three changes. Half of them know the format, so that they pass its first checks."""
    own: Callable[[bytes, Rng], bytes] = {
        "png": _change_png,
        "tif": _change_tiff,
        "toml": _change_toml,
        "safetensors": _change_safetensors,
        "jpg": _change_jpeg,
        "jp2": _change_jpeg_2000,
        "bmp": _change_bmp,
        "webp": _change_webp,
        "zarr": _change_zarr,
    }[kind]
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.5 or len(data) < 16:
            data = _change_bytes(data, rng)
            continue
        try:
            data = own(data, rng)
        except (struct.error, zlib.error, OverflowError, LookupError, ValueError, AttributeError, TypeError):
            data = _change_bytes(data, rng)  # what came before has left nothing of the structure
    return data


def _change_bytes(data: bytes, rng: Rng) -> bytes:
    """Flip bits, set a stretch of bytes, truncate, insert bytes, or copy, move or remove a block."""
    content = bytearray(data)
    if not content:
        return bytes(rng.bytes(8))
    a, b = sorted(int(k) for k in rng.integers(0, len(content) + 1, 2))
    b = min(b, a + int(2 ** rng.uniform(0, 10)))
    what = rng.integers(7)
    if what == 0:
        for at in rng.integers(0, len(content), rng.integers(1, 9)):
            content[at] ^= 1 << int(rng.integers(8))
    elif what == 1:
        content[a:b] = bytes([int(rng.choice([0, 255, 32, int(rng.integers(256))]))]) * (b - a)
    elif what == 2:
        del content[a:]
    elif what == 3:
        content[a:a] = rng.bytes(int(2 ** rng.uniform(0, 8)))
    elif what == 4:
        content[b:b] = content[a:b] * int(rng.integers(1, 5))
    elif what == 5:
        del content[a:b]
    else:
        content[a:b] = rng.bytes(b - a)
    return bytes(content)


def _number(rng: Rng, old: int, size: int) -> int:
    """Return another value for an entry of `size` bytes: an extreme, a neighbour, or a random one."""
    some = (int(rng.choice(len(_NUMBERS))), old + 1, old - 1, 2 * old, old // 2)
    what = int(rng.integers(8))
    found = (
        _NUMBERS[some[0]] if what < 3 else int.from_bytes(rng.bytes(size)) if what == 7 else some[what - 2]
    )
    return found % (1 << 8 * size)


def _change_png(data: bytes, rng: Rng) -> bytes:
    chunks, at = [], 8
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    i, what = int(rng.integers(len(chunks))), int(rng.integers(8))
    name, content = chunks[i]
    if what < 2:
        fields = list(struct.unpack(">IIBBBBB", chunks[0][1]))
        k = int(rng.integers(7))
        fields[k] = _number(rng, fields[k], 4 if k < 2 else 1)
        chunks[0] = chunks[0][0], struct.pack(">IIBBBBB", *fields)
    elif what == 2:
        chunks.insert(int(rng.integers(len(chunks) + 1)), chunks[i])
    elif what == 3:
        del chunks[i]
    elif what == 4:
        chunks[i] = name, _change_bytes(content, rng)
    elif what == 5:
        extra = _PNG_CHUNKS[rng.integers(len(_PNG_CHUNKS))], rng.bytes(int(rng.integers(0, 800)))
        chunks.insert(int(rng.integers(1, len(chunks) + 1)), extra)
    elif what == 6:
        chunks[i] = rng.bytes(4), content
    else:
        pixels = zlib.decompress(b"".join(part for each, part in chunks if each == b"IDAT"))
        first = next(k for k, chunk in enumerate(chunks) if chunk[0] == b"IDAT")
        chunks = [chunk for chunk in chunks if chunk[0] != b"IDAT"]
        chunks.insert(first, (b"IDAT", zlib.compress(_change_bytes(pixels, rng))))
    parts = [data[:8]]
    for name, content in chunks:
        parts += [
            struct.pack(">I", len(content)),
            name,
            content,
            struct.pack(">I", zlib.crc32(name + content)),
        ]
    return b"".join(parts)


def _change_tiff(data: bytes, rng: Rng) -> bytes:
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    offset, count, width = ("Q", "Q", 20) if big else ("I", "H", 12)
    size = struct.calcsize(offset)
    content = bytearray(data)
    link = 8 if big else 4  # where the offset of the directory stands
    for _ in range(rng.integers(1, 4)):  # one of the first directories
        (start,) = struct.unpack_from(order + offset, data, link)
        (n,) = struct.unpack_from(order + count, data, start)
        first = start + struct.calcsize(count)
        following = first + n * width
        if rng.random() < 0.5 or not any(data[following : following + size]):
            break
        link = following
    what = int(rng.integers(12))
    if what == 0:
        struct.pack_into(
            order + offset, content, link, int(rng.choice([start, 0, int(rng.integers(len(data)))]))
        )
    elif what == 1:
        struct.pack_into(order + offset, content, following, int(rng.choice([start, link, len(data) - 2])))
    elif what == 2:
        struct.pack_into(order + count, content, start, _number(rng, n, struct.calcsize(count)))
    else:
        entry = first + int(rng.integers(n)) * width
        code, kind, number = struct.unpack_from(order + "HH" + offset, data, entry)
        value = entry + 4 + size
        unit = _TIFF_SIZES.get(kind, 1)
        if what == 3:
            struct.pack_into(order + "H", content, entry, int(rng.choice(_TIFF_TAGS)))
        elif what == 4:
            struct.pack_into(order + "H", content, entry + 2, int(rng.integers(20)))
        elif what == 5:
            struct.pack_into(order + offset, content, entry + 4, _number(rng, number, size))
        elif unit * number <= size or what == 6:
            form = {1: "B", 2: "H", 4: "I", 8: "Q"}[unit if unit <= size else 4]
            old = struct.unpack_from(order + form, data, value)[0]
            if code == 259 and rng.random() < 0.8:
                new = int(rng.choice([int(each) for each in tifffile.COMPRESSION])) % (1 << 8 * unit)
            else:
                new = _number(rng, old, struct.calcsize(form))
            struct.pack_into(order + form, content, value, new)
        else:  # values that stand elsewhere, such as the offsets of strips
            (where,) = struct.unpack_from(order + offset, data, value)
            form = {1: "B", 2: "H", 4: "I", 8: "Q"}[unit]
            where += int(rng.integers(number)) * unit
            old = struct.unpack_from(order + form, data, where)[0]
            struct.pack_into(order + form, content, where, _number(rng, old, unit))
    return bytes(content)


def _change_toml(data: bytes, rng: Rng) -> bytes:
    lines = data.decode(errors="surrogateescape").split("\n")
    i, k = (int(n) for n in rng.integers(0, len(lines), 2))
    nasty = _TOML[rng.integers(len(_TOML))]
    what = int(rng.integers(6))
    if what < 3 and any("=" in line for line in lines):
        i = int(rng.choice([n for n, line in enumerate(lines) if "=" in line]))
        key, _, value = lines[i].partition("=")
        if what == 0:
            new = nasty
        elif what == 1:
            new = str(_number(rng, 1, 8) - (1 << 63) * int(rng.integers(2)))
        else:
            new = lines[k].partition("=")[2] or value
        lines[i] = f"{key}= {new}"
    elif what == 3:
        lines[i], lines[k] = lines[k], lines[i]
    elif what == 4:
        lines.insert(k, lines[i])
    else:
        lines.insert(k, nasty)
    return "\n".join(lines).encode(errors="surrogateescape")


def _change_safetensors(data: bytes, rng: Rng) -> bytes:
    (length,) = struct.unpack_from("<Q", data)
    text, tensors = data[8 : 8 + length], data[8 + length :]
    what = int(rng.integers(10))
    if what == 0:
        return struct.pack("<Q", _number(rng, length, 8)) + data[8:]
    if what == 1:
        text = _change_bytes(text, rng)
    else:
        header = json.loads(text)
        key = str(rng.choice(list(header)))
        entry = header[key]
        if key == "__metadata__" or what < 5:
            meta = header["__metadata__"]
            field = str(rng.choice(list(meta)))
            if field == "options" and what < 9:
                options = json.loads(meta[field])
                option = str(rng.choice(list(options)))
                values = (None, -1, 0, 10**30, 1e308, "", "x", [], {}, [[]], True, float("nan"), 3.5, options)
                options[option] = values[rng.integers(len(values))]
                meta[field] = json.dumps(options)
            elif what == 9:
                del meta[field]
            else:
                values = (
                    "",
                    "[]",
                    "1",
                    "null",
                    "{",
                    "fcrnet",
                    '{"colors": 3}',
                    "[" * 5000,
                    "\ud7ff",
                    "1" * 5000,
                )
                meta[field] = values[rng.integers(len(values))]
        elif what == 5:
            entry["dtype"] = _DTYPES[rng.integers(len(_DTYPES))]
        elif what == 6:
            entry["data_offsets"][rng.integers(2)] = _number(rng, entry["data_offsets"][1], 8)
        elif what == 7:
            shape = entry["shape"]
            shape.insert(int(rng.integers(len(shape) + 1)), int(rng.choice([0, 1, 2, 2**40])))
        elif what == 8:
            header[key + "x"] = header.pop(key)
        else:
            del header[key]
        text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + tensors


def _change_number(content: bytearray, at: int, form: str, rng: Rng) -> None:
    (old,) = struct.unpack_from(form, content, at)
    struct.pack_into(form, content, at, _number(rng, old, struct.calcsize(form)))


def _change_segments(data: bytes, rng: Rng, start: int, skip: int) -> bytes:
    """Change a number in the segments of markers (JPEG and the header of JPEG 2000), or move a segment."""
    segments, at = [], start
    while at + 4 <= len(data) and data[at] == 0xFF:
        (length,) = struct.unpack_from(">H", data, at + 2)
        segments.append(data[at : at + 2 + length])
        at += 2 + length
        if segments[-1][1] == skip:
            break
    i, what = int(rng.integers(len(segments))), int(rng.integers(6))
    segment = bytearray(segments[i])
    if what == 0:
        segments.insert(int(rng.integers(len(segments))), segments[i])
    elif what == 1:
        del segments[i]
    elif what == 2:
        segment[1] = int(rng.integers(0xC0, 0xFF)) if skip == 0xDA else int(rng.integers(0x4F, 0x70))
        segments[i] = bytes(segment)
    else:
        form = (">B", ">H", ">I")[rng.integers(3)]
        _change_number(segment, int(rng.integers(2, len(segment) - 4)), form, rng)
        segments[i] = bytes(segment)
    return b"".join([data[:start], *segments, data[at:]])


def _change_jpeg(data: bytes, rng: Rng) -> bytes:
    return _change_segments(data, rng, 2, 0xDA)


def _change_jpeg_2000(data: bytes, rng: Rng) -> bytes:
    start = data.index(b"\xff\x4f\xff\x51")
    if start and rng.random() < 0.3:  # a box of JP2
        content = bytearray(data)
        _change_number(content, int(rng.integers(12, start)), (">B", ">I")[rng.integers(2)], rng)
        return bytes(content)
    if rng.random() < 0.3:  # the header of a part of a tile
        at = data.index(b"\xff\x90", start) + int(rng.integers(2, 14))
        content = bytearray(data)
        _change_number(content, at, ">B", rng)
        return bytes(content)
    return _change_segments(data, rng, start + 2, 0x90)


def _change_bmp(data: bytes, rng: Rng) -> bytes:
    content = bytearray(data)
    _change_number(content, int(rng.choice((10, 14, 18, 22, 26, 28, 30, 34, 46, 54, 58))), "<I", rng)
    return bytes(content)


def _change_webp(data: bytes, rng: Rng) -> bytes:
    chunks, at = [], 12
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        chunks.append(data[at : at + 8 + length + length % 2])
        at += 8 + length + length % 2
    i, what = int(rng.integers(len(chunks))), int(rng.integers(5))
    chunk = bytearray(chunks[i])
    if what == 0:
        chunks.insert(int(rng.integers(len(chunks) + 1)), chunks[i])
    elif what == 1:
        del chunks[i]
    elif what == 2:
        chunk[:4] = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"EXIF")[rng.integers(7)]
        chunks[i] = bytes(chunk)
    else:  # the beginning of a chunk holds the sizes
        at = int(rng.integers(4, min(len(chunk) - 4, 24)))
        _change_number(chunk, at, ("<B", "<H", "<I")[rng.integers(3)], rng)
        chunks[i] = bytes(chunk)
    body = b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _change_zarr(data: bytes, rng: Rng) -> bytes:
    """Change a value or key of the metadata, or the content of a chunk."""
    parts = data.split(_PARTS)
    k = 2 * int(rng.integers(len(parts) // 2))
    if not parts[k].endswith((b".json", b".zattrs", b".zarray", b".zgroup")) or rng.random() < 0.2:
        parts[k + 1] = _change_bytes(parts[k + 1], rng)
        return _PARTS.join(parts)
    content = json.loads(parts[k + 1])
    places: list[tuple] = []

    def walk(value: object) -> None:
        entries = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for key, inner in entries:
            places.append((value, key))
            walk(inner)

    walk(content)
    holder, key = places[rng.integers(len(places))]
    old = holder[key]
    some = (
        None,
        True,
        -1,
        0,
        0.5,
        1e400,
        "",
        "x",
        "..",
        [],
        {},
        [[]],
        [1, 2],
        {"name": 1},
        2**31,
        2**63,
        10**30,
    )
    if rng.random() < 0.2 and isinstance(holder, dict):
        del holder[key]
    elif isinstance(old, int) and rng.random() < 0.6:
        holder[key] = _number(rng, old, 8)
    else:
        holder[key] = some[rng.integers(len(some))]
    parts[k + 1] = json.dumps(content).encode()
    return _PARTS.join(parts)
