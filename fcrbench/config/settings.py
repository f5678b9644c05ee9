"""Parses configuration values that a user writes as KEY=VALUE with a dotted key."""

import tomllib
from typing import Any

from fcrbench.errors import UsageError


def parse_setting(text: str) -> tuple[str, Any]:
    """Split KEY=VALUE. The value is read as TOML, or taken as a string if it is not TOML."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {text}: expected KEY=VALUE")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def nest_value(key: str, value: Any) -> dict[str, Any]:
    """Return {"a": {"b": value}} for the key "a.b"."""
    first, dot, rest = key.partition(".")
    return {first: nest_value(rest, value) if dot else value}
