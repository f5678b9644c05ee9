"""Downloads against a local server that can break the connection, ignore ranges, or answer nonsense."""

import csv
import hashlib
import io
import os
import re
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from fcrbench import datasets
from fcrbench.datasets import fetch as fetch_module
from fcrbench.datasets.download import ResumingDownloader
from fcrbench.datasets.fetch import Archive, fetch
from fcrbench.errors import DataError, FcrbenchError, UsageError


class Server(ThreadingHTTPServer):
    """Serves `files` (path -> bytes); each fault is used up by one request."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str | None]] = []  # path, Range
        self.cut_after: list[int] = []  # bytes of the body after which the connection breaks
        self.statuses: list[int] = []  # answers instead of the file
        self.ranges = True
        self.wrong_start = False
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *args):
        pass

    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.requests.append((self.path, asked))
        content = server.files.get(self.path)
        if server.statuses or content is None:
            self.send_error(server.statuses.pop(0) if server.statuses else 404)
            return
        etag, size = f'"{hashlib.md5(content).hexdigest()}"', len(content)
        start, status = 0, 200
        same = self.headers.get("If-Range", etag) == etag
        if asked and server.ranges and same:
            start, status = int(asked.removeprefix("bytes=").rstrip("-")), 206
            if start >= size:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        self.send_response(status)
        if status == 206:
            told = start + 1 if server.wrong_start else start
            self.send_header("Content-Range", f"bytes {told}-{size - 1}/{size}")
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        body = content[start:]
        if server.cut_after:
            body = body[: server.cut_after.pop(0)]
            self.close_connection = True
        self.wfile.write(body)


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


CONTENT = os.urandom(500_000)
PART, CHUNK = 200_000, 1 << 14  # the last piece before a break may be lost


@pytest.fixture
def download(server, tmp_path):
    """Fetch /file into a fresh path; returns its content."""
    server.files["/file"] = CONTENT

    def run(**options):
        downloader = ResumingDownloader(tmp_path / "file.part", wait=0, **options)
        downloader(f"{server.url}/file", tmp_path / "file")
        return (tmp_path / "file").read_bytes()

    return run


def leftovers(folder):
    return sorted(p.name for p in folder.iterdir())


def test_download_whole_with_progress(download, server, tmp_path):
    seen = []
    assert download(progress=lambda done, total: seen.append((done, total))) == CONTENT
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert sorted(seen) == seen
    assert leftovers(tmp_path) == ["file"]


def test_broken_connection_goes_on_by_itself(download, server):
    server.cut_after = [PART, 100_000]
    assert download() == CONTENT
    starts = [asked and int(asked[6:-1]) for _, asked in server.requests]
    assert starts[0] is None
    assert PART - CHUNK <= starts[1] <= PART
    assert starts[1] + 100_000 - CHUNK <= starts[2] <= starts[1] + 100_000


def test_second_call_goes_on(download, server, tmp_path):
    server.cut_after = [PART, 0, 0]
    with pytest.raises(FcrbenchError, match=r"\d{3},\d{3} bytes are kept, run again to go on"):
        download(retries=1)
    kept = (tmp_path / "file.part").stat().st_size
    assert PART - CHUNK <= kept <= PART
    assert not (tmp_path / "file").exists()
    server.cut_after, server.requests = [], []
    assert download() == CONTENT
    assert server.requests == [("/file", f"bytes={kept}-")]
    assert leftovers(tmp_path) == ["file"]


def test_server_without_ranges_sends_all_again(download, server):
    server.ranges = False
    server.cut_after = [PART]
    assert download() == CONTENT


def test_file_changed_meanwhile(download, server):
    server.cut_after = [PART, 0]
    with pytest.raises(FcrbenchError):
        download(retries=0)
    server.files["/file"] = CONTENT[::-1]
    server.cut_after = []
    assert download() == CONTENT[::-1]


def test_part_that_is_complete_or_too_long(download, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT)
    assert download() == CONTENT
    (tmp_path / "file.part").write_bytes(CONTENT + b"tail of another file")
    assert download() == CONTENT


def test_server_that_goes_on_elsewhere(download, server, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    server.wrong_start = True
    assert download() == CONTENT


def test_busy_server_is_asked_again(download, server):
    server.statuses = [503, 500, 429]
    assert download() == CONTENT


@pytest.mark.parametrize("status", [404, 403, 410])
def test_refusal_is_not_repeated(download, server, status):
    server.statuses = [status]
    with pytest.raises(FcrbenchError, match=rf"/file: the server answers {status}"):
        download()
    assert len(server.requests) == 1


def test_no_server(tmp_path):
    with Server() as closed:
        url = closed.url
    with pytest.raises(FcrbenchError) as error:
        ResumingDownloader(tmp_path / "a.part", wait=0, retries=1)(f"{url}/a", tmp_path / "a")
    assert str(error.value).startswith(f"cannot download {url}/a: ")
    assert "refused" in str(error.value)
    assert "object at" not in str(error.value)
    assert len(str(error.value)) < 150


def test_url_that_is_none(tmp_path):
    with pytest.raises(FcrbenchError, match="cannot download nonsense"):
        ResumingDownloader(tmp_path / "a.part", wait=0)("nonsense", tmp_path / "a")


# ----------------------------------------------------------------------------------------------- fetch


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def small_bbbc039(server, monkeypatch, tmp_path):
    """A drawn BBBC039 in the published layout on the server, with its hashes as the known ones."""
    import imagecodecs
    import tifffile

    image = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 4096, (200, 210)).astype(np.uint16)
    tifffile.imwrite(image, pixels)
    mask = np.zeros((200, 210, 4), np.uint8)
    mask[2:4, 2:4, 0], mask[..., 3] = 1, 255
    stems = ("a", "b")
    contents = {
        "images": zipped({f"images/{s}.tif": image.getvalue() for s in stems}),
        "masks": zipped({f"masks/{s}.png": imagecodecs.png_encode(mask) for s in stems}),
        "metadata": zipped(
            {
                "metadata/training.txt": "a.png\n",
                "metadata/validation.txt": "b.png\n",
                "__MACOSX/metadata/._training.txt": "\x00\x05\x16\x07",
            }
        ),
    }
    server.files = {f"/BBBC039/{name}.zip": content for name, content in contents.items()}
    known = tuple(
        Archive(f"BBBC039/{name}.zip", name, hashlib.sha256(content).hexdigest())
        for name, content in contents.items()
    )
    monkeypatch.setattr(fetch_module, "archives", lambda name, z=16: known)
    return tmp_path / "data" / "bbbc039"


def get(server, destination, name="bbbc039"):
    said: list[str] = []
    root = fetch(name, destination.parent, server.url + "/", show_progress=False, say=said.append)
    assert root == destination
    return said


def test_fetched_data_set_loads_and_second_call_does_nothing(server, small_bbbc039, capsys):
    said = get(server, small_bbbc039)
    assert len(said) == 3
    assert all("as expected" in line for line in said)
    dataset = datasets.create("bbbc039", root=small_bbbc039)
    assert dataset.splits == {"train": ("a",), "val": ("b",)}
    assert dataset.load("b").labels.max() == 1
    assert leftovers(small_bbbc039) == ["SOURCES.csv", "images", "masks", "metadata"]
    with (small_bbbc039 / "SOURCES.csv").open() as file:
        rows = {row["folder"]: row for row in csv.DictReader(file)}
    content = server.files["/BBBC039/masks.zip"]
    assert rows["masks"] == {
        "folder": "masks",
        "url": f"{server.url}/BBBC039/masks.zip",
        "bytes": str(len(content)),
        "sha256": hashlib.sha256(content).hexdigest(),
        "checked": "yes",
    }
    before = len(server.requests)
    assert all("already there" in line for line in get(server, small_bbbc039))
    assert len(server.requests) == before
    assert capsys.readouterr().out == ""  # neither pooch nor we write anything but through `say`


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown_on_a_terminal(server, small_bbbc039, capsys, monkeypatch, terminal):
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    fetch("bbbc039", small_bbbc039.parent, server.url)
    shown = capsys.readouterr()
    assert shown.out.count("as expected") == 3
    if terminal:
        assert "images.zip" in shown.err
        assert re.search(r"(\d+\.\d)/\1 kB", shown.err)
    else:
        assert shown.err == ""


def test_wrong_hash(server, small_bbbc039):
    good = server.files["/BBBC039/masks.zip"]
    server.files["/BBBC039/masks.zip"] = zipped({"masks/evil.png": "x"})
    with pytest.raises(DataError, match=r"BBBC039/masks\.zip: SHA256 .*does not match") as error:
        get(server, small_bbbc039)
    assert "\n" not in str(error.value)
    assert leftovers(small_bbbc039) == [".download", "SOURCES.csv", "images"]
    assert leftovers(small_bbbc039 / ".download") == []
    server.files["/BBBC039/masks.zip"] = good
    assert len(get(server, small_bbbc039)) == 3
    assert leftovers(small_bbbc039) == ["SOURCES.csv", "images", "masks", "metadata"]


def test_missing_on_the_server(server, small_bbbc039):
    del server.files["/BBBC039/metadata.zip"]
    with pytest.raises(FcrbenchError, match=r"metadata\.zip: the server answers 404"):
        get(server, small_bbbc039)
    assert not (small_bbbc039 / "metadata").exists()
    assert (small_bbbc039 / "images").is_dir()


def test_interrupted_fetch_keeps_what_came(server, small_bbbc039, monkeypatch):
    size = len(server.files["/BBBC039/images.zip"])
    server.cut_after = [size // 2, *[0] * 9]
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(FcrbenchError, match="run again to go on"):
        get(server, small_bbbc039)
    assert leftovers(small_bbbc039) == [".download"]
    kept = (small_bbbc039 / ".download" / "images.zip.part").stat().st_size
    assert size // 2 - CHUNK <= kept <= size // 2
    server.cut_after, server.requests = [], []
    get(server, small_bbbc039)
    assert server.requests[0] == ("/BBBC039/images.zip", f"bytes={kept}-")
    assert datasets.create("bbbc039", root=small_bbbc039).load("a").labels.max() == 1


def test_unknown_hash_is_said_and_recorded(server, tmp_path):
    content = zipped({"id1/images/id1.png": "x", "id1/masks/m.png": "x"})
    server.files["/BBBC038/stage1_train.zip"] = content
    said = get(server, tmp_path / "dsb2018", name="dsb2018")
    digest = hashlib.sha256(content).hexdigest()
    assert len(said) == 1
    assert digest in said[0]
    assert "not checked: no published value is known" in said[0]
    assert f"{digest},no" in (tmp_path / "dsb2018" / "SOURCES.csv").read_text()
    assert (tmp_path / "dsb2018" / "stage1_train" / "id1" / "images" / "id1.png").is_file()


def test_bad_archive_of_unknown_hash_is_fetched_anew(server, tmp_path):
    server.files["/BBBC038/stage1_train.zip"] = b"<html>maintenance</html>"
    with pytest.raises(DataError, match="not a readable zip"):
        get(server, tmp_path / "dsb2018", name="dsb2018")
    server.files["/BBBC038/stage1_train.zip"] = zipped({"id1/a": "x"})
    get(server, tmp_path / "dsb2018", name="dsb2018")
    assert leftovers(tmp_path / "dsb2018") == ["SOURCES.csv", "stage1_train"]


def test_the_published_archives():
    """Names, folders and hashes as the data sets' own pages and other projects give them."""
    z16, labels = fetch_module.archives("bbbc006")
    assert z16.path == "BBBC006/BBBC006_v1_images_z_16.zip"
    assert z16.folder == "BBBC006_v1_images_z_16"
    assert z16.sha256.startswith("6e1515d0")
    assert labels.sha256.startswith("2d3ec4e5")
    assert fetch_module.archives("bbbc006", z=3)[0].sha256 is None
    assert [a.folder for a in fetch_module.archives("bbbc039")] == ["images", "masks", "metadata"]
    hashes = [a.sha256 for name in ("bbbc006", "bbbc039") for a in fetch_module.archives(name)]
    assert all(len(bytes.fromhex(h)) == 32 for h in hashes)


def test_known_hashes_agree_with_the_list_at_hand(shared):
    with (shared / "bbbc006" / "official_checksums.csv").open() as file:
        listed = {row["name"].rpartition("/")[2]: row["sha256"] for row in csv.DictReader(file)}
    for archive in fetch_module.archives("bbbc006"):
        assert listed[archive.path.rpartition("/")[2]] == archive.sha256


def test_refusals(tmp_path):
    with pytest.raises(UsageError, match=r"data set to fetch 'bbbc09'; did you mean 'bbbc039'"):
        fetch("bbbc09", tmp_path)
    with pytest.raises(UsageError, match=r"'sample' .*bbbc006, bbbc039, dsb2018"):
        fetch("sample", tmp_path)
    with pytest.raises(UsageError, match="z is 99"):
        fetch("bbbc006", tmp_path, z=99)
    assert not list(tmp_path.iterdir())


def test_destination_that_is_a_file(server, small_bbbc039):
    small_bbbc039.parent.mkdir(parents=True)
    small_bbbc039.write_text("mine")
    with pytest.raises(FcrbenchError, match=f"cannot write to {small_bbbc039}"):
        get(server, small_bbbc039)
    assert small_bbbc039.read_text() == "mine"
