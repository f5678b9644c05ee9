"""`fcrbench data fetch` against a server on this machine."""

import functools
import http.server
import threading
import zipfile

import numpy as np
import pytest


@pytest.fixture
def server(tmp_path_factory):
    """The address of a server with a Kaggle-like archive of one image with two nuclei."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "BBBC038").mkdir()
    from fcrbench.io import write_png

    image = np.zeros((20, 20), np.uint8)
    image[3:9, 3:9] = image[12:17, 4:10] = 90
    with zipfile.ZipFile(folder / "BBBC038" / "stage1_train.zip", "w") as archive:
        for number in range(5):
            for name, pixels in {
                f"f{number}/images/f{number}.png": image + number,
                f"f{number}/masks/one.png": np.where(np.arange(20)[:, None] < 10, image, 0).astype(bool)
                * 255,
                f"f{number}/masks/two.png": np.where(np.arange(20)[:, None] >= 10, image, 0).astype(bool)
                * 255,
            }.items():
                write_png(folder / "picture.png", pixels.astype(np.uint8))
                archive.writestr(name, (folder / "picture.png").read_bytes())
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_fetched_data_set_can_be_used(cli, server):
    done = cli("data", "fetch", "dsb2018", "-o", "data", "--base-url", server)
    assert "fcrbench run --dataset dsb2018 --root data/dsb2018" in done.stdout
    from fcrbench import datasets

    dataset = datasets.create("dsb2018", cli.folder / "data" / "dsb2018")
    ids = dataset.splits["train"] + dataset.splits["val"]
    assert len(ids) == 5
    assert dataset.load(ids[0]).labels.max() == 2


def test_an_absent_archive_is_named_and_leaves_nothing(cli, server):
    line = cli.fails("data", "fetch", "bbbc039", "-o", "data", "--base-url", server)
    assert "images.zip" in line
    assert not [path for path in (cli.folder / "data").rglob("*") if path.is_file()]
