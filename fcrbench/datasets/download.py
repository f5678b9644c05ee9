"""A downloader for pooch that goes on where an interrupted download stopped (pooch itself starts over)."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fcrbench.errors import FcrbenchError

_CHUNK = 1 << 14  # what a broken connection costs at most
_TIMEOUT = (15, 60)  # seconds to connect, seconds between two pieces of data
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")

Progress = Callable[[int, int | None], None]  # bytes so far, bytes in all or None where not announced


class ResumingDownloader:
    """Called by pooch as downloader(url, output_file, pooch).

    The bytes are collected in `part`, which stays after a failure or Ctrl-C; the next call asks the server
    for the rest only (HTTP Range), with If-Range so that a file changed meanwhile is fetched anew. A server
    without Range sends everything again, and `part` is started over. A broken connection or a 5xx answer is
    tried again, up to `retries` times in a row without a new byte. Raises FcrbenchError in one line.
    """

    def __init__(
        self, part: Path, progress: Progress | None = None, retries: int = 5, wait: float = 1.0
    ) -> None:
        self.part = part
        self.validator = part.with_name(part.name + ".etag")
        self.progress: Progress = progress or (lambda done, total: None)
        self.retries, self.wait = retries, wait

    def __call__(self, url: str, output_file: Any, pooch: Any = None, check_only: bool = False) -> None:
        import requests
        import urllib3

        failures = 0
        while True:
            before = self._size()
            try:
                self._attempt(url)
                break
            except (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError) as error:
                reason: str = _short(error)
            except requests.exceptions.ChunkedEncodingError:
                reason = "the connection broke"
            except _TryAgainError as error:
                reason = str(error)
            except requests.RequestException as error:
                raise FcrbenchError(f"cannot download {url}: {_short(error)}") from error
            failures = failures + 1 if self._size() <= before else 1
            if failures > self.retries:
                kept = f"; {self._size():,} bytes are kept, run again to go on" if self._size() else ""
                raise FcrbenchError(f"cannot download {url}: {reason}{kept}")
            time.sleep(min(self.wait * 2 ** (failures - 1), 30))
        self.part.replace(output_file)
        self.validator.unlink(missing_ok=True)

    def _attempt(self, url: str) -> None:
        import requests

        have = self._size()
        headers = {"Accept-Encoding": "identity"}  # ranges count the bytes as they are sent
        if have:
            headers["Range"] = f"bytes={have}-"
            if self.validator.is_file():
                headers["If-Range"] = self.validator.read_text(encoding="ascii")
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            status = response.status_code
            start, total = _content_range(response)
            if status == 416 and have:
                if total == have:
                    return  # all of it had arrived
                self._start_over()
                raise _TryAgainError("the server refuses to continue from the part that is here")
            if status >= 500 or status == 429:
                raise _TryAgainError(f"the server answers {status} {response.reason}")
            if status not in (200, 206):
                raise FcrbenchError(f"cannot download {url}: the server answers {status} {response.reason}")
            if status == 206 and start != have:
                self._start_over()
                raise _TryAgainError("the server continues from another place than was asked for")
            if status == 200:
                self._start_over()
                length = response.headers.get("Content-Length", "")
                total = int(length) if length.isdigit() else None
                self._remember(response)
            self._receive(response, total)
        if total is not None and self._size() != total:
            if self._size() > total:
                self._start_over()
            raise _TryAgainError("the connection broke")

    def _receive(self, response: Any, total: int | None) -> None:
        done = self._size()
        self.progress(done, total)
        with self.part.open("ab") as file:
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                self.progress(done, total)

    def _remember(self, response: Any) -> None:
        """Keep what tells this version of the file from another: a strong ETag, or the date."""
        etag = response.headers.get("ETag", "")
        value = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")
        if value:
            self.validator.write_text(value, encoding="ascii", errors="replace")

    def _start_over(self) -> None:
        self.part.unlink(missing_ok=True)
        self.validator.unlink(missing_ok=True)

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0


class _TryAgainError(Exception):
    """This attempt failed in a way that another may not."""


def _content_range(response: Any) -> tuple[int | None, int | None]:
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match is None:
        return None, None
    return (
        int(match[1]) if match[1] else None,
        int(match[2]) if match[2] != "*" else None,
    )


def _short(error: Exception) -> str:
    """The innermost reason: requests wraps it in several layers, each repeating the URL."""
    inner: Any = error
    while True:
        next_ = getattr(inner, "reason", None) or (inner.args[0] if getattr(inner, "args", None) else None)
        if not isinstance(next_, BaseException):
            break
        inner = next_
    text = " ".join(str(inner).split())
    if "object at" in text or "Connection" in text.partition("(")[0]:  # urllib3 names its own object first
        text = text.rpartition(": ")[2]
    return text or type(inner).__name__
