"""The rooms of the package import downwards only, in the order of the README's table, and in no circle."""

import importlib.util
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
_spec = importlib.util.spec_from_file_location("draw_rooms", ROOT / "tools" / "draw_rooms.py")
rooms = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rooms)


def test_the_readme_lists_every_room_once():
    listed = rooms.documented()
    assert len(listed) == len(set(listed))
    assert set(listed) == {rooms.room(name) for name in rooms.modules(ROOT)} - {""}


def test_imports_run_downwards():
    place = {name: i for i, name in enumerate(rooms.documented())}
    upwards = [(a, b) for a, b in sorted(rooms.arrows(ROOT)) if place[a] > place[b]]
    assert upwards == []


def test_no_module_imports_itself_over_others():
    """Imports within functions count, too: they would hide a circle, not open it."""
    known = rooms.modules(ROOT)
    graph = {}
    for name, path in known.items():
        # A package's own __init__ may import its modules, which do not count as importing the package.
        graph[name] = {
            other for other in rooms.imports(path, known) if not f"{name}.".startswith(f"{other}.")
        }
    list(TopologicalSorter(graph).static_order())  # raises CycleError, naming the modules


def test_an_import_upwards_and_a_circle_are_found(tmp_path):
    for name, text in {
        "__init__": "",
        "low/__init__": "",
        "low/a": "def f():\n    from fcrbench.high import b\n",
        "high/__init__": "",
        "high/b": "import fcrbench.low.a\nfrom fcrbench.low.a import f\n",
    }.items():
        path = tmp_path / "fcrbench" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert rooms.arrows(tmp_path) == {("low", "high"), ("high", "low")}
    known = rooms.modules(tmp_path)
    assert set(rooms.imports(known["fcrbench.low.a"], known)) == {"fcrbench.high.b"}
    assert set(rooms.imports(known["fcrbench.high.b"], known)) == {"fcrbench.low.a"}
