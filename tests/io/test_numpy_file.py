"""Label images in .npy files, and in the _seg.npy of Cellpose, whose pickle may name any code."""

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcrbench.errors import DataError
from fcrbench.io import read_labels
from fcrbench.io.formats.numpy_file import decode_npy

LABELS = np.arange(12, dtype=np.uint16).reshape(3, 4)


def saved(value):
    file = io.BytesIO()
    np.save(file, value)
    return file.getvalue()


def cellpose(masks):
    """A dictionary as `cellpose.io.masks_flows_to_seg` saves it."""
    return {
        "outlines": np.zeros((3, 4), np.uint16),
        "masks": masks,
        "chan_choose": [0, 0],
        "ismanual": np.zeros(11, bool),
        "filename": Path("a.tif"),
        "flows": [np.zeros((1, 3, 4, 3), np.uint8), [], np.zeros((3, 3, 4), np.float32)],
        "diameter": np.nan,
        "ratio": np.float64(1.5),
        "img_restore": {1: None},
    }


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "<i4", ">i8", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_and_masks_are_read(tmp_path, dtype, order):
    labels = np.asarray(LABELS % 2 if dtype == "?" else LABELS, dtype, order=order)
    for name, value in {"plain": labels, "a_seg": cellpose(labels), "one_plane": labels[None]}.items():
        np.save(tmp_path / f"{name}.npy", value)
        found = read_labels(tmp_path / f"{name}.npy")
        np.testing.assert_array_equal(found, labels)
        assert found.dtype.isnative


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_pickles_of_older_protocols(protocol):
    if protocol == 2:  # bytes are then made by a call, which is not done
        with pytest.raises(ValueError, match="not stored as numbers"):
            decode_npy(saved(LABELS.astype(object))[:128] + pickle.dumps(cellpose(LABELS), protocol=protocol))
        return
    header = saved(np.array({}, object))[:128]
    data = header + pickle.dumps(np.array(cellpose(LABELS), object), protocol=protocol)
    np.testing.assert_array_equal(decode_npy(data).pixels, LABELS)


class Harmful:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_no_code_of_the_file_is_run(tmp_path):
    bad = cellpose(LABELS) | {"x": Harmful(tmp_path / "touched")}
    np.testing.assert_array_equal(decode_npy(saved(bad)).pixels, LABELS)
    assert not (tmp_path / "touched").exists()
    np.load(io.BytesIO(saved(bad)), allow_pickle=True)  # NumPy runs it
    assert (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"outlines": LABELS}, ["'masks'"]),
        ({"masks": [LABELS]}, ["'masks'"]),
        ({"masks": np.array([None])}, ["not stored as numbers"]),
        (np.zeros(3), ["shape (3,)"]),
        (np.array([["a"]]), ["<U1", "expected numbers"]),
        (np.zeros(3, [("a", int)]), ["expected numbers"]),
    ],
)
def test_other_contents_are_refused(tmp_path, value, words):
    path = tmp_path / "a.npy"
    np.save(path, value)
    with pytest.raises(DataError) as error:
        read_labels(path)
    for word in (str(path), *words):
        assert word in str(error.value)


def test_planes_are_kept():
    assert decode_npy(saved(np.zeros((1, 2, 3, 4)))).pixels.shape == (2, 3, 4)


@pytest.mark.parametrize("cut", [5, 20, 130, -1, -7])
@pytest.mark.parametrize("value", [LABELS, cellpose(LABELS)])
def test_a_truncated_file_is_refused(tmp_path, value, cut):
    path = tmp_path / "a_cut.npy"
    path.write_bytes(saved(value)[:cut])
    with pytest.raises(DataError, match="a_cut"):
        read_labels(path)


@given(st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=4), st.booleans())
def test_a_damaged_file_gives_an_error_or_an_array(changes, pickled):
    """No change crashes, takes much memory or gives anything but numbers."""
    data = bytearray(saved(cellpose(LABELS) if pickled else LABELS))
    for place, value in changes:
        data[place % len(data)] = value
    try:
        found = decode_npy(bytes(data)).pixels
    except MemoryError:
        raise
    except Exception:
        return
    assert found.dtype.kind in "biufc"


def test_a_claim_of_memory_is_refused():
    header = saved(np.array({}, object))[:128]
    memo = pickle.LONG_BINPUT + b"\xff\xff\xff\x7f"
    for code in (memo, pickle.BYTEARRAY8 + (1 << 36).to_bytes(8, "little")):
        with pytest.raises((KeyError, ValueError, EOFError)):
            decode_npy(header + b"\x80\x04]" + code + b".")
    nested = b"\x80\x04}" + b")" + pickle.TUPLE1 * 300_000 + b"Ns."
    with pytest.raises(ValueError, match="key of type tuple"):
        decode_npy(header + nested)
