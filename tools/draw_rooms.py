"""Draw which rooms of the package import which other rooms, as one column of arcs for each source tree.

    python tools/draw_rooms.py -o docs/rooms.png                  # this checkout
    python tools/draw_rooms.py OTHER_CHECKOUT . -o docs/rooms.png  # another one beside it

A room is a folder in fcrbench/ or a single module there. Rooms are drawn in the order of the table in
README.md. Rooms that the table does not name are placed so that as few arrows as possible run upwards. An
arc to the right is an import downwards, and a red arc to the left is an import upwards.
"""

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "fcrbench"


def modules(tree: Path) -> dict[str, Path]:
    """Return the modules of the package by dotted name."""
    found = {}
    for path in sorted((tree / PACKAGE).rglob("*.py")):
        parts = path.relative_to(tree).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Yield the modules of the package that a file imports, anywhere in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name in known:
                yield name
            elif name.rpartition(".")[0] in known:
                yield name.rpartition(".")[0]


def room(module: str) -> str:
    """Return the room of a module, or "" for the package itself and __main__.py, which only start others."""
    name = module.split(".")[1] if "." in module else ""
    return "" if name == "__main__" else name


def arrows(tree: Path) -> set[tuple[str, str]]:
    """Return the pairs of rooms of which the first imports the second."""
    known = modules(tree)
    pairs = {(room(name), room(other)) for name, path in known.items() for other in imports(path, known)}
    return {(a, b) for a, b in pairs if a != b and a and b}


def documented(readme: Path = ROOT / "README.md") -> list[str]:
    """Return the rooms in the order of the table in the README, the topmost first."""
    text = readme.read_text(encoding="utf-8")
    return re.findall(rf"^\| `{PACKAGE}/(\w+)(?:/|\.py)` \|", text, re.MULTILINE)


def in_order(rooms: set[str], pairs: set[tuple[str, str]]) -> list[str]:
    """Sort the rooms so that few arrows run upwards. Documented ones keep their order if that is as good."""
    placed = [name for name in documented() if name in rooms]
    for name in 4 * [*sorted(rooms - set(placed)), *placed]:  # move each room to its best place, four times
        old = placed.index(name) if name in placed else 0
        placed = [other for other in placed if other != name]
        upward = [
            sum((below, name) in pairs for below in placed[i:])
            + sum((name, above) in pairs for above in placed[:i])
            for i in range(len(placed) + 1)
        ]
        placed.insert(old if upward[old] == min(upward) else upward.index(min(upward)), name)
    return placed


def draw(trees: list[Path], output: Path) -> None:
    """Draw one panel for each source tree."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.patches import Arc

    figure, axes = plt.subplots(1, len(trees), figsize=(5.2 * len(trees), 7), squeeze=False)
    for axis, tree in zip(axes[0], trees, strict=True):
        pairs = arrows(tree)
        rooms = {room(name) for name in modules(tree)} - {""}
        order = in_order(rooms, pairs)
        place = {name: -i for i, name in enumerate(order)}
        up = 0
        for a, b in sorted(pairs):
            middle, height = (place[a] + place[b]) / 2, abs(place[a] - place[b])
            down = place[a] > place[b]
            up += not down
            arc = Arc(
                (0.12 if down else -0.12, middle), 0.07 * height + 0.1, height, theta1=-90 if down else 90,
                theta2=90 if down else 270, color="#3b6ea5" if down else "#c8102e", linewidth=0.8,
                alpha=0.45 if down else 1.0,
            )  # fmt: skip
            axis.add_patch(arc)
        for name in order:
            axis.text(0, place[name], name, ha="center", va="center", fontsize=9, family="monospace")
        axis.set_xlim(-1.5, 1.5)
        axis.set_ylim(-len(order), 1)
        axis.axis("off")
        axis.set_title(f"{len(rooms)} rooms, {len(pairs)} arrows, {up} upwards", fontsize=11)
    figure.tight_layout()
    figure.savefig(output, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trees", nargs="*", type=Path, default=[ROOT])
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "rooms.png")
    given = parser.parse_args()
    draw(given.trees, given.output)


if __name__ == "__main__":
    main()
