"""The Python of the README runs when it is pasted."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.skipif(not README.exists(), reason="no README beside the tests")
def test_its_python_runs(tmp_path, monkeypatch, recwarn):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)
    assert blocks
    names = {}
    exec(compile("".join(blocks), "README.md", "exec"), names)
    assert names["s"].pq > 0.8
    assert names["found"].table["pq"].tolist() == [names["s"].pq]
    assert not recwarn.list
