"""The programs of ``examples/`` do what they say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import dcmread

from dicomwire import AE
from tests.support.patience import SOON
from tests.support.processes import environment
from tests.support.storing import EXPLICIT, instance, storage

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=SOON, env=environment())


@contextmanager
def store_into(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The storage SCP, and its port."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / "store_into_folder.py"), "0", str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment()) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().removeprefix("port ").strip()
        except BaseException:
            process.kill()
            raise


def test_the_pair_in_memory_takes_no_time() -> None:
    done = run("in_memory_pair.py")
    assert done.returncode == 0, done.stderr
    *names, time = done.stdout.splitlines()
    assert names == ["Doe^Jane", "Doe^John"]
    assert time.startswith("after ") and time.endswith(" s of its own time")


def test_the_folder_is_filled_and_the_others_talk_to_it(tmp_path: Path) -> None:
    with store_into(tmp_path / "in") as (process, port):
        echo = run("echo_client.py", "127.0.0.1", port)
        assert (echo.returncode, echo.stdout) == (0, "status 0x0000\n"), echo.stderr
        asked = run("selectors_loop.py", "127.0.0.1", port)
        assert asked.returncode == 0, asked.stderr
        assert asked.stdout.splitlines() == ["implicit VR little endian", "explicit VR little endian"]
        ae = AE()
        ae.requested_contexts = storage(EXPLICIT)
        association = ae.associate("127.0.0.1", int(port))
        assert association.send_c_store(instance(EXPLICIT)).Status == 0x0000
        association.release()
        out, _ = process.communicate("", timeout=SOON)
    assert (process.returncode, out) == (0, "stored 1.2.3.4\n")
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["1.2.3.4.dcm"]
    assert dcmread(tmp_path / "in" / "1.2.3.4.dcm").PatientName == "Test^Patient"


@pytest.mark.parametrize(
    ("name", "said"), [("echo_client.py", "no answer\n"), ("selectors_loop.py", "no association\n")]
)
def test_a_peer_that_takes_no_association_is_told_by_the_exit_code(name: str, said: str) -> None:
    ae = AE()
    ae.require_called_aet = True
    ae.add_supported_context("1.2.840.10008.1.1")
    server = ae.start_server(("127.0.0.1", 0), block=False)
    try:
        done = run(name, "127.0.0.1", str(server.server_address[1]))
    finally:
        server.shutdown()
    assert (done.returncode, done.stdout) == (1, said), done.stderr


def test_every_example_is_run_here() -> None:
    text = Path(__file__).read_text("utf-8")
    assert all(f'"{path.name}"' in text for path in EXAMPLES.glob("*.py"))
