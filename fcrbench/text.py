"""How text is written and shown that comes from the disk, such as the name of a file.

A name on the disk may be any bytes. Python keeps bytes that are not UTF-8 as lone surrogates, which no file,
table or terminal can take. Here is the one rule for them: the file keeps its name, and wherever the name is
written or shown, such a byte is written as backslash, x and two digits, for example zelle_\\xfc.
"""

import codecs
import os
import re
import unicodedata
from pathlib import Path

ERRORS = "fcrbench.escape"  # name of the handler of encoding errors that applies the rule

_UNDECODABLE = re.compile("[\udc80-\udcff]+")
_ESCAPED = re.compile(r"(?:\\x[89a-f][0-9a-f])+")
# Control characters, line separators, and characters that reverse the direction of the text after them.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def to_unicode(text: str) -> str:
    """Return the text as valid Unicode: bytes that are no text are escaped, as in zelle_\\xfc."""
    if text.isascii():
        return text
    text = _UNDECODABLE.sub(_decode, text)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")  # other surrogates, on Windows


def _decode(found: re.Match[str]) -> str:
    # In a locale without UTF-8, all other letters arrive as surrogates, and together they are valid UTF-8.
    return bytes(ord(character) - 0xDC00 for character in found[0]).decode("utf-8", "backslashreplace")


def printable(text: object) -> str:
    """Return a text as it is shown in one line: control characters and bytes that are no text are escaped."""
    return _HIDDEN.sub(lambda found: repr(found[0])[1:-1], to_unicode(str(text)))


def name_key(name: str) -> str:
    """Return a key that is equal for equal names, whose accents may be encoded in two ways (NFC, NFD)."""
    return name if name.isascii() else unicodedata.normalize("NFC", to_unicode(name))


def find_path(text: str) -> Path:
    """Return the path that `to_unicode` has written as a text, in a configuration for example."""
    path = Path(text)
    if "\\x" not in text or path.exists():
        return path
    decoded = _ESCAPED.sub(lambda found: os.fsdecode(bytes.fromhex(found[0].replace("\\x", ""))), text)
    return Path(decoded) if os.path.lexists(decoded) else path


def _escape(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = to_unicode(error.object[error.start : error.end])
    return text.encode(error.encoding, "backslashreplace"), error.end


codecs.register_error(ERRORS, _escape)
