"""The journal of a long job on disks that lack something."""

import errno
import logging

import pytest

from fcrbench.work.journal import Journal


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_worked_on_without_one(code, tmp_path, monkeypatch, caplog):
    fcntl = pytest.importorskip("fcntl")

    def refuse(file, operation):
        raise OSError(code, "not on this disk")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with caplog.at_level(logging.INFO):
        journal = Journal(tmp_path / "job.part", {"job": 1})
        assert journal.open(resume=False) == {}
    journal.add("a", [1, 2])
    journal.close()
    assert "no file locks" in caplog.text
    again = Journal(tmp_path / "job.part", {"job": 1})
    assert again.open(resume=True) == {"a": [1, 2]}
    again.close()
    again.remove()
    assert list(tmp_path.iterdir()) == []
