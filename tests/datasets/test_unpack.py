"""Archives unpack inside their folder, whole or not at all."""

import stat
import zipfile

import pytest

from fcrbench.datasets.unpack import unpack
from fcrbench.errors import DataError, FcrbenchError


def archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return path


def tree(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_top_folder_is_dropped_and_macos_extras_left_out(tmp_path):
    members = {
        "images/": "",
        "images/a.tif": "1",
        "images/deep/b.tif": "2",
        "__MACOSX/images/._a.tif": "x",
        "images/.DS_Store": "x",
    }
    unpack(archive(tmp_path / "a.zip", members), tmp_path / "out" / "images")
    assert tree(tmp_path / "out") == {"images/a.tif", "images/deep/b.tif"}


def test_several_entries_at_the_top(tmp_path):
    (tmp_path / "out").mkdir()  # an empty folder may be there
    unpack(archive(tmp_path / "a.zip", {"id1/x.png": "1", "id2/x.png": "2"}), tmp_path / "out")
    assert tree(tmp_path / "out") == {"id1/x.png", "id2/x.png"}


def test_permissions_are_ordinary(tmp_path):
    (tmp_path / "ordinary").mkdir()
    expected = stat.S_IMODE((tmp_path / "ordinary").stat().st_mode)
    unpack(archive(tmp_path / "a.zip", {"one/a": "1"}), tmp_path / "one")
    unpack(archive(tmp_path / "b.zip", {"a": "1", "b": "2"}), tmp_path / "two")
    assert [stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("one", "two")] == [expected, expected]


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", "C:/evil", "..\\evil"])
def test_members_that_point_outside(tmp_path, name):
    (tmp_path / "in").mkdir()
    file = archive(tmp_path / "in" / "a.zip", {"images/ok.tif": "1", name: "x"})
    with pytest.raises(DataError, match="points outside"):
        unpack(file, tmp_path / "in" / "out")
    assert tree(tmp_path) == {"in/a.zip"}


def test_link(tmp_path):
    info = zipfile.ZipInfo("images/link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="is a link"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert tree(tmp_path) == {"a.zip"}


@pytest.mark.parametrize("damage", ["cut", "flipped", "no zip", "nothing inside"])
def test_damaged(tmp_path, damage):
    content = bytes(range(256)) * 40
    file = archive(tmp_path / "a.zip", {"x/a": content} if damage != "nothing inside" else {})
    data = bytearray(file.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "flipped":
        data[60:70] = bytes(10)
    elif damage == "no zip":
        data = bytearray(b"<html>not found</html>")
    file.write_bytes(data)
    with pytest.raises(DataError) as error:
        unpack(file, tmp_path / "out")
    assert "a.zip" in str(error.value)
    assert "\n" not in str(error.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip"]


def test_target_taken(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(FcrbenchError, match="cannot unpack"):
        unpack(archive(tmp_path / "a.zip", {"x/a": "1"}), tmp_path / "out")
    assert tree(tmp_path / "out") == {"mine.txt"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip", "out"]
