"""How much memory a file may claim."""

ALWAYS_ALLOWED = 1 << 28  # bytes that any file may claim
MAX_RATIO = 4096  # times its own length: what a larger claim must lie within (LZW and zlib reach 2400)


def check_memory_claim(claimed: int, stored: int, size: int) -> None:
    """ValueError where a file claims memory that its length does not justify.

    claimed  bytes of the pixels in memory
    stored   bytes of the pixels as they are in the file, uncompressed
    size     bytes of the file
    """
    if claimed > ALWAYS_ALLOWED and stored > MAX_RATIO * size:
        raise ValueError(f"a file of {size:,} bytes that claims {stored:,} bytes of pixels")
