"""Reads arrays from .npy files, and masks from the _seg.npy files of Cellpose, without running their code.

A _seg.npy holds a pickled dictionary. Unpickling usually may call any function, so only stand-ins are
created here: for arrays, whose numbers are then read from their bytes, and for everything else, ignored.
"""

import io
import math
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from fcrbench.io.stack import PAGES, Stack

MAGIC = b"\x93NUMPY"
_NEEDED = frozenset(
    getattr(pickle, name)
    for name in (
        *("PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "DUP"),
        *("NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
        *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
        *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "LIST", "APPEND", "APPENDS"),
        *("EMPTY_DICT", "GET", "BINGET", "LONG_BINGET", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"),
        *("GLOBAL", "STACK_GLOBAL", "REDUCE", "NEWOBJ", "NEWOBJ_EX", "BUILD"),
    )
)  # the operations of a pickle with which arrays, numbers and texts are stored
_MASKS = "masks"  # the key in a _seg.npy


def decode_npy(data: bytes, indexed: bool = False) -> Stack:
    """Return the numbers in a .npy file, or the masks in a _seg.npy of Cellpose: (H, W), or (N, H, W).

    Axes of length 1 in front of the last two are dropped. Raises ValueError, or any other exception for a
    damaged file.
    """
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"version {version[0]}.{version[1]} of the .npy format")
    numbers = data[file.tell() :]
    array = _masks_in(numbers) if dtype.hasobject else _from_bytes(numbers, shape, dtype, fortran)
    while array.ndim > 2 and len(array) == 1:
        array = array[0]
    if array.ndim not in (2, 3):
        raise ValueError(f"shape {array.shape}, expected (H, W)")
    return Stack(array, "YX" if array.ndim == 2 else f"{PAGES}YX")


def _from_bytes(data: bytes, shape: tuple[int, ...], dtype: np.dtype, fortran: bool) -> np.ndarray:
    if dtype.kind not in "biufc" or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"an array of {dtype} with shape {shape}, expected numbers")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"{len(data)} bytes for shape {shape} of {dtype}")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _masks_in(pickled: bytes) -> np.ndarray:
    found = _Unpickler(io.BytesIO(pickled)).load()
    for value in found.objects() if isinstance(found, _Array) else [found]:
        if isinstance(value, dict) and isinstance(masks := value.get(_MASKS), _Array):
            return masks.to_numpy()
    raise ValueError(f"pickled objects without an array {_MASKS!r}, which a _seg.npy of Cellpose has")


class _Ignored:
    """Stands for any object that is not read."""

    def __new__(cls, *args: Any, **options: Any) -> "_Ignored":
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        pass

    def _ignore(self, *args: Any) -> None:
        pass

    append = extend = _ignore


class _Type(_Ignored):
    """Stands for a numpy.dtype: its code such as "u2" and its byte order."""

    code: Any = ""
    order: Any = "="

    def __init__(self, code: Any = "", *args: Any) -> None:
        self.code = code

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]

    def to_numpy(self) -> np.dtype:
        if not (isinstance(self.code, str) and self.code[:1] in "biuf" and self.code[1:].isdecimal()):
            raise ValueError(f"an array of {self.code!r}, expected numbers")
        return np.dtype(f">{self.code}" if self.order == ">" else self.code)


class _Array(_Ignored):
    """Stands for a numpy.ndarray: its state is (version, shape, dtype, Fortran order, bytes or list)."""

    state: tuple = ()

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def objects(self) -> list[Any]:
        """Return the content of an array of objects."""
        content = self.state[-1] if self.state else []
        return content if isinstance(content, list) else []

    def to_numpy(self) -> np.ndarray:
        _, shape, dtype, fortran, data = self.state
        if not (isinstance(dtype, _Type) and isinstance(shape, tuple) and isinstance(data, bytes)):
            raise ValueError("an array that is not stored as numbers")
        return _from_bytes(data, shape, dtype.to_numpy(), bool(fortran))


class _NewArray(_Ignored):
    """Stands for the function that creates a numpy.ndarray."""

    def __new__(cls, *args: Any) -> Any:
        return _Array()


_PythonUnpickler: Any = pickle._Unpickler


class _Unpickler(_PythonUnpickler):
    """Creates stand-ins only.

    The unpickler in Python is used, because that in C takes the memory that a damaged file asks for.
    """

    def find_class(self, module: str, name: str) -> type[_Ignored]:
        if not module.startswith("numpy"):
            return _Ignored
        return {"dtype": _Type, "ndarray": _Array, "_reconstruct": _NewArray}.get(name, _Ignored)

    def load_set_items(self) -> None:
        items = self.pop_mark()
        self._set(items)

    def load_set_item(self) -> None:
        items = [self.stack.pop(), self.stack.pop()]
        self._set(items[::-1])

    def _set(self, items: list[Any]) -> None:
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) not in (str, int):  # the hash of deeply nested tuples overflows the stack
                raise ValueError(f"a dictionary with a key of type {type(key).__name__}, expected text")
            if isinstance(self.stack[-1], dict):
                self.stack[-1][key] = value

    dispatch: ClassVar[dict[int, Callable]] = {
        code: load for code, load in _PythonUnpickler.dispatch.items() if bytes([code]) in _NEEDED
    } | {pickle.SETITEM[0]: load_set_item, pickle.SETITEMS[0]: load_set_items}
