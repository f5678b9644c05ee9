"""The text that `fcrbench methods` prints: a table of methods, and the options of each."""

import dataclasses
import inspect
import re
import shlex
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from fcrbench import plugins
from fcrbench.methods import registry
from fcrbench.methods.base import MethodSpec

HEADER = ("name", "package", "parameters", "paper")
# "name  text" or "name, name  text", the way in which the fields of a dataclass are documented here
FIELD_DOC = re.compile(r"(\w+(?:, \w+)*) {2,}(\S.*)")


def count_parameters(spec: MethodSpec) -> int | None:
    """Count the parameters of a method's default network; None if torch is missing or building fails.

    The network is built on torch's meta device, without allocating memory, if it can be.
    """
    try:
        import torch
    except ModuleNotFoundError:
        return None
    try:
        method = registry.create(spec)
        try:
            with torch.device("meta"):
                network = method.build()
        except Exception:  # building needs values, which the meta device does not have
            with torch.random.fork_rng():
                network = method.build()
        return sum(p.numel() for p in network.parameters())
    except Exception as error:  # a plug-in may fail in any way, which must not break the list
        plugins.warn(f"method {spec.name!r} cannot be built", error)
        return None


def method_table(names: Iterable[str]) -> list[str]:
    """Return the lines of a table of methods: name, package, number of parameters, paper."""
    rows = [HEADER]
    for name in names:
        plugin = registry.installed()[name]
        count = count_parameters(plugin.spec)
        rows.append((name, plugin.package, f"{count:,}" if count else "-", plugin.spec.paper))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        f"{name:{widths[0]}}  {package:{widths[1]}}  {count:>{widths[2]}}  {paper}"
        for name, package, count, paper in rows
    ]


def method_details(name: str, width: int) -> list[str]:
    """Return title, presets and options of a method with their descriptions, in lines of at most `width`."""
    spec = registry.spec(name)
    entries = [(f"--preset {preset}", chosen.description) for preset, chosen in spec.presets.items()]
    docs = option_docs(spec.options)
    for option, value in dataclasses.asdict(spec.options()).items():
        setting = shlex.quote(f"options.{option}={format_setting(value)}")
        entries.append((f"--set {setting}", docs.get(option, "")))
    lines = textwrap.wrap(f"{name}: {spec.title}", width, subsequent_indent="  ")
    return lines + _two_columns(entries, width)


def option_docs(options: type) -> dict[str, str]:
    """Return the description of each option, read from the docstrings of an options class and its bases."""
    docs: dict[str, str] = {}
    names: list[str] = []
    texts = [
        inspect.cleandoc(cls.__doc__ or "")
        for cls in reversed(options.__mro__)
        if dataclasses.is_dataclass(cls)
    ]
    for line in "\n\n".join(texts).splitlines():
        start = FIELD_DOC.fullmatch(line)
        if start:
            names = start[1].split(", ")
            docs |= dict.fromkeys(names, start[2])
        elif line.startswith(" ") and names:
            docs |= {name: f"{docs[name]} {line.strip()}" for name in names}
        else:
            names = []
    return docs


def format_setting(value: Any) -> str:
    """Return a value in the form that `--set KEY=VALUE` accepts."""
    if isinstance(value, str):
        return value
    import tomlkit

    return tomlkit.item(list(value) if isinstance(value, tuple) else value).as_string()


def _two_columns(entries: Sequence[tuple[str, str]], width: int) -> list[str]:
    left = min(max(len(name) for name, _ in entries), 34)
    lines = []
    for name, text in entries:
        wrapped = textwrap.wrap(text, max(width - left - 4, 24)) or [""]
        if len(name) > left:
            lines.append(f"  {name}")
            name = ""
        for part in wrapped:
            lines.append(f"  {name:{left}}  {part}".rstrip())
            name = ""
    return lines
