"""The one rule for text that came from the disk."""

import os
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fcrbench.text import ERRORS, find_path, name_key, printable, to_unicode

ANY_BYTES = st.binary(max_size=12).filter(lambda name: b"\0" not in name and b"/" not in name)


@given(ANY_BYTES)
@example(b"zelle_\xfc")
@example(b"\xed\xb3\xbc")  # the bytes of a surrogate
def test_any_name_becomes_valid_text_that_leads_back(name):
    text = to_unicode(os.fsdecode(name))
    assert text.encode("utf-8").decode("utf-8") == text
    assert to_unicode(text) == text
    assert text == name.decode("utf-8", "backslashreplace")
    assert name_key(os.fsdecode(name)) == unicodedata.normalize("NFC", text)


@given(st.text(max_size=9))
def test_valid_text_is_unchanged(text):
    assert to_unicode(text) == text


@given(
    st.text(st.characters(), max_size=9) | ANY_BYTES.map(os.fsdecode),
    st.sampled_from(["ascii", "cp1252", "utf-8"]),
)
def test_any_text_can_be_printed(text, encoding):
    shown = printable(text).encode(encoding, ERRORS).decode(encoding)
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in shown)
    text.encode(encoding, ERRORS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\udcfc", "\\xfc"),
        ("\u202e", "\\u202e"),
        ("  é ", "  é "),
    ],
)
def test_what_is_shown(text, shown):
    assert printable(text) == shown


@pytest.mark.skipif(os.name != "posix", reason="other systems do not have such names")
def test_a_recorded_path_is_found_again(tmp_path):
    odd = tmp_path / os.fsdecode(b"d\xe4t\xc3\xa4\xff")
    odd.mkdir()
    recorded = to_unicode(str(odd))
    assert recorded.endswith("d\\xe4tä\\xff")
    assert find_path(recorded) == odd
    assert find_path(str(odd)) == odd
    literal = tmp_path / "d\\xe4tä\\xff"
    literal.mkdir()
    assert find_path(recorded) == literal
    assert str(find_path(str(tmp_path / "no\\xfc"))) == str(tmp_path / "no\\xfc")
