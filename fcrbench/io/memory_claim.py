"""Refuses files whose headers claim more pixels than the files can contain."""

ALWAYS_ALLOWED = 1 << 28  # bytes that any file may claim
MAX_RATIO = 4096  # a larger claim must be at most this times the size of the file (LZW and zlib reach 2400)


def check_memory_claim(claimed: int, stored: int, size: int) -> None:
    """Raise ValueError if a file claims more memory than its size justifies.

    claimed  bytes of the pixels in memory
    stored   bytes of the pixels in the file before compression
    size     bytes of the file
    """
    if claimed > ALWAYS_ALLOWED and stored > MAX_RATIO * size:
        raise ValueError(f"a file of {size:,} bytes that claims {stored:,} bytes of pixels")
