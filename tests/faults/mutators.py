"""Real files and mutations of them: random changes of bytes, and changes of the structure of each format."""

import io
import json
import re
import struct
import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np
import tifffile
import torch
from PIL import Image, PngImagePlugin
from safetensors.torch import save

from fcrbench import datasets
from fcrbench.jobs.configure import configure

Rng = np.random.Generator
KINDS = ("png", "tif", "toml", "safetensors")
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
