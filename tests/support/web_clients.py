"""A web application in a process of its own, and requests to it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from tests.support.patience import SOON
from tests.support.processes import environment

EXAMPLES = Path(__file__).parents[2] / "examples"


@frozen
class WebClient:
    """Asks a web application on this machine."""

    port: int

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of the answer to a GET, or to a POST of ``body``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SOON)
        try:
            connection.request("GET" if body is None else "POST", path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def archive_application(archive: tuple[str, int], title: str) -> Iterator[WebClient]:
    """``examples/starlette_archive.py`` for the archive at an address, until Ctrl-C."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    arguments = [archive[0], str(archive[1]), title, str(port)]
    command = [sys.executable, "-W", "error", str(EXAMPLES / "starlette_archive.py"), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment()) as process:
        try:
            _until_it_listens(port)
            yield WebClient(port)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=SOON)
            assert "Traceback" not in said or "KeyboardInterrupt" in said, said
        except BaseException:
            process.kill()
            raise


def _until_it_listens(port: int) -> None:
    deadline = time.monotonic() + SOON
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline, "it does not listen"
        time.sleep(0.02)


CAN_INTERRUPT = os.name == "posix"
"""Ctrl-C can be sent to one process."""
