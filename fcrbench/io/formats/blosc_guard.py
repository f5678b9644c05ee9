"""Checks Blosc chunks before they are decoded.

numcodecs trusts the header of a chunk: it reads beyond the end of a file that is cut off; the process dies.
"""

import struct
from typing import Any

from fcrbench.io.memory_claim import check_memory_claim

_HEADER = 16  # bytes: four of versions and flags; sizes of the content, of a block, and of the chunk


def guard_blosc() -> None:
    """Let numcodecs check each chunk. This holds for the whole process; calling it again has no effect."""
    from numcodecs.blosc import Blosc

    plain = Blosc.decode
    if hasattr(plain, "checks_header"):
        return

    def decode(self: Any, buf: Any, out: Any = None) -> Any:
        check_header(buf)
        return plain(self, buf, out)

    decode.checks_header = True  # type: ignore[attr-defined]
    Blosc.decode = decode


def check_header(chunk: Any) -> None:
    """Raise ValueError if a chunk is shorter than its header says, or claims too much memory."""
    data = memoryview(chunk).cast("B")
    if len(data) < _HEADER:
        raise ValueError(f"a Blosc chunk of {len(data)} bytes")
    content, block, stored = struct.unpack_from("<III", data, 4)
    if stored != len(data) or block > max(content, 1):
        raise ValueError(f"a Blosc chunk of {len(data)} bytes whose header says {stored}")
    check_memory_claim(content, content, len(data))
