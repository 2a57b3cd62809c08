"""storescp --metrics: what Prometheus reads, of one process and of several together."""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
import subprocess
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dicomwire.__main__ import main
from dicomwire.blocking import AE, Association
from dicomwire.presentation import build_context
from tests.apps.helpers import CT, EXPLICIT, HOST, SECONDS, Process, named, provider, until

CONTEXTS = [build_context(CT, EXPLICIT)]


def metrics_of(server: Process) -> dict[tuple[str, frozenset[str]], float]:
    """The samples by name and the values of their labels."""
    (url,) = (found[1] for line in server.lines if (found := re.fullmatch(r"I: Metrics on (\S+)", line.strip())))
    with urlopen(url, timeout=SECONDS) as answer:
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


STORES = "dicomwire_operations_total", frozenset(("C-STORE", "scp", "other", "success"))
ACTIVE = "dicomwire_associations_active", frozenset(("acceptor", "other"))


def established(server: Process) -> Association:
    association = AE().associate(HOST, int(server.port), CONTEXTS)
    assert association.is_established
    return association


def test_one_process_serves_its_metrics_on_the_loopback_interface(tmp_path: Path) -> None:
    with provider("storescp", "0", "-v", "-od", str(tmp_path), "--metrics", "0") as server:
        with established(server) as association:
            assert association.send_c_store(named("1.2.3")).Status == 0
            until(lambda: metrics_of(server).get(STORES) == 1)
            assert metrics_of(server)[ACTIVE] == 1
        (where,) = (found[1] for line in server.lines if (found := re.search(rf"http://{HOST}:(\d+)/", line)))
        with socket.create_connection((HOST, int(where))) as hasty:
            # A reset, in the middle of what nobody has asked for.
            hasty.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            hasty.sendall(b"GET /metrics")
        assert metrics_of(server)[STORES] == 1
        assert server.stop() == 0
    assert not [line for line in server.lines if "Traceback" in line or "Exception" in line]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="how processes end is asked of POSIX")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_several_processes_give_the_sums_of_all_also_of_who_has_died(tmp_path: Path, method: str) -> None:
    args = ("storescp", "0", "-v", "-od", str(tmp_path / "out"), "--processes", "2", "--metrics", f"{HOST}:0")
    (temporary := tmp_path / "temporary").mkdir()
    prelude = "import tempfile; from dicomwire.apps._common import supervising"
    prelude += f"; tempfile.tempdir = {str(temporary)!r}; supervising.METHOD = {method!r}"
    with provider(*args, prelude=prelude, stdout=subprocess.PIPE) as server:
        with ExitStack() as stack:
            associations = [stack.enter_context(established(server)) for _ in range(6)]
            for number, association in enumerate(associations):
                assert association.send_c_store(named(f"1.{number}")).Status == 0
            until(lambda: metrics_of(server).get(STORES) == 6)
            assert metrics_of(server)[ACTIVE] == 6
            gauges = [*temporary.rglob("gauge_livesum_*.db")]
            os.kill(int(gauges[0].stem.rpartition("_")[2]), signal.SIGKILL)
            until(lambda: metrics_of(server).get(ACTIVE, 0) < 6)
            assert metrics_of(server)[STORES] == 6
            for association in associations:
                association.abort()
        until(lambda: metrics_of(server).get(ACTIVE, 0) == 0)
        assert server.stop() == 0
    assert not [*temporary.iterdir()]


@pytest.mark.parametrize("wrong", ["", "x", "1:2:3", "host:", "[::1]", "70000", "::1:80"])
def test_what_is_no_address_is_refused(wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["storescp", "0", "-od", str(tmp_path), "--metrics", wrong]) == 2
    assert "HOST:PORT" in capsys.readouterr().err
