"""Values of a configuration as a user writes them: KEY=VALUE with a dotted key."""

import tomllib
from typing import Any

from fcrbench.errors import UsageError


def parse_setting(text: str) -> tuple[str, Any]:
    """KEY=VALUE, the value as TOML would read it, else as a string."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {text}: expected KEY=VALUE")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def nest_value(key: str, value: Any) -> dict[str, Any]:
    """{"a": {"b": value}} for the key "a.b"."""
    first, dot, rest = key.partition(".")
    return {first: nest_value(rest, value) if dot else value}
