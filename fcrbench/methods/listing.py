"""What `fcrbench methods` shows: which methods there are, and every option with its meaning."""

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
# "name  text" or "name, name  text", as the fields of a dataclass are documented here
DOCUMENTED = re.compile(r"(\w+(?:, \w+)*) {2,}(\S.*)")


def count_parameters(spec: MethodSpec) -> int | None:
    """Parameters of a method's default network; None without torch, or where it cannot be built.

    Nothing is allocated where the network can be built on torch's meta device.
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
        except Exception:  # it looks at values while it builds, and the meta device has none
            with torch.random.fork_rng():
                network = method.build()
        return sum(p.numel() for p in network.parameters())
    except Exception as error:  # a plug-in may fail in any way, and must not break the list
        plugins.warn(f"method {spec.name!r} cannot be built", error)
        return None


def overview(names: Iterable[str]) -> list[str]:
    """A table, one line a method: name, package, parameters, paper."""
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


def details(name: str, width: int) -> list[str]:
    """Title, presets and options of a method, the meaning of each beside it, in lines of `width`."""
    spec = registry.spec(name)
    entries = [(f"--preset {preset}", chosen.description) for preset, chosen in spec.presets.items()]
    meaning = option_docs(spec.options)
    for option, value in dataclasses.asdict(spec.options()).items():
        setting = shlex.quote(f"options.{option}={as_setting(value)}")
        entries.append((f"--set {setting}", meaning.get(option, "")))
    lines = textwrap.wrap(f"{name}: {spec.title}", width, subsequent_indent="  ")
    return lines + _two_columns(entries, width)


def option_docs(options: type) -> dict[str, str]:
    """What the docstrings of an options class and its bases say of each option, as "name  meaning"."""
    docs: dict[str, str] = {}
    names: list[str] = []
    texts = [
        inspect.cleandoc(of.__doc__ or "") for of in reversed(options.__mro__) if dataclasses.is_dataclass(of)
    ]
    for line in "\n\n".join(texts).splitlines():
        start = DOCUMENTED.fullmatch(line)
        if start:
            names = start[1].split(", ")
            docs |= dict.fromkeys(names, start[2])
        elif line.startswith(" ") and names:
            docs |= {name: f"{docs[name]} {line.strip()}" for name in names}
        else:
            names = []
    return docs


def as_setting(value: Any) -> str:
    """A value as `--set KEY=VALUE` takes it."""
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
