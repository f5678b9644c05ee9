"""The check of every error about a file."""

import pytest

from fcrbench.errors import DataError


def refused(call, path, *words):
    """The call raises DataError in one line that names the file and holds the words. Return the line."""
    with pytest.raises(DataError) as error:
        call(path)
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message
    for word in words:
        assert word in message
    return message
