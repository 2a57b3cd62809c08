"""Bytes that no conformant peer sends, to servers of ours on a socket; each server must serve the next peer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from dicomwire import evt
from tests.support.patience import SOON
from tests.support.peers import OurServer, Raw, echo, eventually, finished, our_server, process, store, tool
from tests.support.sessions import store_rq, whole_command, whole_data
from tests.support.streams import ABORT, RELEASE_RP, RELEASE_RQ, abort, vectors

PROBES: dict[str, dict[str, Any]] = {probe["name"]: probe for probe in vectors()["observed_reactions"]["probes"]}
DROPPED = "response-for-unknown-message-id"
ACCEPT, DATA, RELEASED = 0x02, 0x04, 0x06
"""PDU types."""


REQUEST = bytes.fromhex(PROBES["mch-high-bits"]["steps"][0])
"""Proposes what the vectors use: context 1 for Verification, 3 for CT Image Storage."""

ECHO_RQ = bytes.fromhex(PROBES["proto-version-3"]["steps"][1])


@pytest.fixture(scope="module", autouse=True)
def _serves_others_at_the_end(server: OurServer) -> Iterator[None]:
    yield
    finished([tool("echoscu"), "127.0.0.1", str(server.port)])


def established(raw: Raw) -> None:
    raw.send(REQUEST)
    assert raw.pdu()[0] == ACCEPT


def succeeded(pdu: bytes) -> bool:
    """Whether this P-DATA-TF is a C-ECHO-RSP with status 0."""
    return (
        pdu[0] == DATA
        and b"\x00\x00\x00\x01\x02\x00\x00\x00\x30\x80" in pdu
        and pdu.endswith(b"\x00\x09\x02\x00\0\0\0\0")
    )


# -- invalid PDUs ---------------------------------------------------------------------------------------------------
AT_ACCEPTORS = [vector for vector in vectors()["invalid"] if vector["state"] in (2, 6)]
IN_RELEASE = [vector for vector in vectors()["invalid"] if vector["state"] == 8]


@pytest.mark.parametrize("vector", AT_ACCEPTORS, ids=lambda vector: vector["name"])
def test_an_invalid_pdu_is_answered_with_the_right_abort(server: OurServer, vector: dict[str, Any]) -> None:
    with Raw(server.port) as raw:
        if vector["state"] == 6:
            established(raw)
        raw.send(bytes.fromhex(vector["hex"]))
        assert raw.rest(2) == abort(*vector["suggested_abort"])
    assert echo(server.port)


@pytest.mark.parametrize("together", [True, False], ids=["one-write", "two-writes"])
@pytest.mark.parametrize("vector", IN_RELEASE, ids=lambda vector: vector["name"])
def test_what_follows_a_release_request_is_dropped(server: OurServer, vector: dict[str, Any], together: bool) -> None:
    # We answer at once, so that the vectors, which are for Sta8, meet Sta13: AA-6 drops them.
    with Raw(server.port) as raw:
        established(raw)
        if together:
            raw.send(RELEASE_RQ + bytes.fromhex(vector["hex"]))
            assert raw.rest(2) == RELEASE_RP
        else:
            raw.send(RELEASE_RQ)
            assert raw.pdu() == RELEASE_RP
            raw.send(bytes.fromhex(vector["hex"]))
            assert raw.rest(2) == b""
    assert echo(server.port)


@pytest.mark.parametrize(
    "vector",
    [vector for vector in vectors()["data_level_invalid"] if vector["name"] != DROPPED],
    ids=lambda vector: vector["name"],
)
def test_an_invalid_message_is_answered_with_the_right_abort(server: OurServer, vector: dict[str, Any]) -> None:
    server.stored.clear()
    with Raw(server.port) as raw:
        established(raw)
        raw.send(bytes.fromhex(vector["hex"]))
        assert raw.rest(2) == abort(*vector["suggested_abort"])
    assert server.stored == []
    assert echo(server.port)


def test_a_response_that_nobody_waits_for_is_dropped(server: OurServer) -> None:
    (vector,) = (vector for vector in vectors()["data_level_invalid"] if vector["name"] == DROPPED)
    with Raw(server.port) as raw:
        established(raw)
        raw.send(bytes.fromhex(vector["hex"]))
        raw.send(ECHO_RQ)
        assert succeeded(raw.pdu())
        raw.send(RELEASE_RQ)
        assert raw.rest(2) == RELEASE_RP


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", id="http"),
        pytest.param(bytes.fromhex("1603010200010001fc0303") + bytes(100), id="tls"),
        pytest.param(b"SSH-2.0-OpenSSH_9.0\r\n", id="ssh"),
    ],
)
def test_another_protocol_is_answered_with_an_abort(server: OurServer, data: bytes) -> None:
    with Raw(server.port) as raw:
        raw.send(data)
        assert raw.rest(2) == ABORT
    assert echo(server.port)


def test_a_request_announced_too_long_is_aborted_before_it_comes(server: OurServer) -> None:
    with Raw(server.port) as raw:
        raw.send(bytes.fromhex(PROBES["huge-rq-length"]["steps"][0]))
        assert raw.rest(2) == ABORT
    assert echo(server.port)


# -- connections ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("how", ["close", "reset", "half a request", "reset when established", "close mid-message"])
def test_a_peer_that_goes_away_leaves_nothing_behind(server: OurServer, how: str) -> None:
    with Raw(server.port) as raw:
        match how:
            case "reset":
                raw.reset()
            case "half a request":
                raw.send(REQUEST[:50])
            case "reset when established":
                established(raw)
                raw.reset()
            case "close mid-message":
                established(raw)
                raw.send(ECHO_RQ[:30])
    eventually(lambda: not server.ae.active_associations, 2, "end of the association")
    assert echo(server.port)


@pytest.fixture
def hasty(adapter: str) -> Iterator[OurServer]:
    def setup(ae: Any) -> None:
        ae.acse_timeout = 0.5

    with our_server(adapter, setup=setup) as running:
        yield running


@pytest.mark.parametrize("how", ["silent", "drip"])
def test_a_peer_that_never_finishes_its_request_is_cut_off(hasty: OurServer, how: str) -> None:
    began = time.monotonic()
    with Raw(hasty.port) as raw:
        if how == "drip":
            raw.sock.settimeout(0.05)
            for octet in REQUEST:
                try:
                    raw.send(bytes((octet,)))
                    assert raw.sock.recv(10) == b""
                    break
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
            else:
                pytest.fail("the whole request was waited for")
        else:
            assert raw.rest(SOON) == b""
        assert 0.4 < time.monotonic() - began < SOON
    assert echo(hasty.port)


def test_half_open_connections_delay_nobody(server: OurServer) -> None:
    with ExitStack() as stack:
        for index in range(20):
            stack.enter_context(Raw(server.port)).send(REQUEST[: index * 3])
        began = time.monotonic()
        assert echo(server.port)
        finished([tool("echoscu"), "127.0.0.1", str(server.port)])
        assert time.monotonic() - began < SOON


def test_a_peer_that_does_not_close_after_its_abort_delays_nobody(server: OurServer) -> None:
    with Raw(server.port) as raw:
        established(raw)
        raw.send(b"\x55" * 10)
        assert raw.pdu() == abort(2, 1)
        assert echo(server.port)


# -- deviations to accept -------------------------------------------------------------------------------------------
LENIENT = (
    "proto-version-3", "app-context-trailing-nul", "app-context-trailing-space", "uids-trailing-nul",
    "uids-trailing-space", "ae-title-nuls", "ae-title-leading-spaces", "reserved-nonzero", "unknown-user-subitem",
    "unknown-item", "no-user-info", "no-max-length", "no-impl-class", "max-length-zero", "duplicate-context-id",
    "two-pdvs-one-pdu", "cmd-fragmented-odd", "empty-last-fragment", "mch-high-bits", "no-group-length",
    "wrong-group-length", "uid-space-padded-command", "echo-no-sop-class", "cancel-unknown",
)  # fmt: skip
"""Probes that end in an echo and a release, though not every implementation lets them."""


@pytest.mark.parametrize("name", LENIENT)
def test_a_deviating_peer_is_served(server: OurServer, name: str) -> None:
    steps = [bytes.fromhex(step) for step in PROBES[name]["steps"]]
    with Raw(server.port) as raw:
        raw.send(steps[0])
        accepted = raw.pdu()
        assert accepted[0] == ACCEPT
        for step in steps[1:-1]:
            raw.send(step)
        assert succeeded(raw.pdu())
        raw.send(steps[-1])
        assert raw.rest(2) == RELEASE_RP


@pytest.mark.parametrize("name", ["release-body-8", "release-body-0"])
def test_a_release_request_of_another_length_is_answered(server: OurServer, name: str) -> None:
    steps = [bytes.fromhex(step) for step in PROBES[name]["steps"]]
    with Raw(server.port) as raw:
        raw.send(steps[0])
        assert raw.pdu()[0] == ACCEPT
        raw.send(steps[1])
        assert raw.rest(2) == RELEASE_RP


@pytest.mark.parametrize("data", ["070000000000", "070700000004 09080005"])
def test_an_odd_abort_is_an_abort(server: OurServer, data: str) -> None:
    aborts = server.aborts
    with Raw(server.port) as raw:
        established(raw)
        raw.send(bytes.fromhex(data))
        assert raw.rest(2) == b""
    eventually(lambda: server.aborts == aborts + 1, 2, "EVT_ABORTED")


def test_two_messages_in_one_pdu_are_both_answered(server: OurServer) -> None:
    steps = [bytes.fromhex(step) for step in PROBES["two-messages-one-pdu"]["steps"]]
    with Raw(server.port) as raw:
        raw.send(steps[0])
        assert raw.pdu()[0] == ACCEPT
        raw.send(steps[1])
        assert succeeded(raw.pdu())
        assert succeeded(raw.pdu())
        raw.send(steps[2])
        assert raw.rest(2) == RELEASE_RP


@pytest.mark.parametrize("name", ["command-data-same-pdu", "store-empty-dataset"])
def test_a_data_set_is_stored_however_it_is_packed(server: OurServer, name: str) -> None:
    steps = [bytes.fromhex(step) for step in PROBES[name]["steps"]]
    server.stored.clear()
    with Raw(server.port) as raw:
        raw.send(steps[0])
        assert raw.pdu()[0] == ACCEPT
        for step in steps[1:-1]:
            raw.send(step)
        assert raw.pdu()[0] == DATA
        raw.send(steps[-1])
        assert raw.rest(2) == RELEASE_RP
    assert len(server.stored) == 1


def test_a_pdu_longer_than_we_announced_is_taken(server: OurServer) -> None:
    server.stored.clear()
    with Raw(server.port) as raw:
        established(raw)
        raw.send(whole_command(3, store_rq()) + whole_data(3, bytes(40000)))
        assert raw.pdu()[0] == DATA
        raw.send(RELEASE_RQ)
        assert raw.rest(2) == RELEASE_RP
    assert [len(item.data) for item in server.stored] == [40000]


def test_the_request_the_echo_and_the_release_may_come_in_one_piece_after_the_answer(server: OurServer) -> None:
    with Raw(server.port) as raw:
        established(raw)
        raw.send(ECHO_RQ + ECHO_RQ + RELEASE_RQ)
        assert succeeded(raw.pdu())
        answers = raw.rest(2)
        assert answers.endswith(RELEASE_RP)


# -- a sender that dies ---------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance of 64 MiB: more than all buffers between two processes hold."""
    data_set = Dataset()
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data_set.SOPClassUID = data_set.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = UID("1.2.826.0.1.3680043.10.511.3.8.1")
    data_set.Rows, data_set.Columns, data_set.NumberOfFrames = 8192, 8192, 1
    data_set.BitsAllocated = data_set.BitsStored = 8
    data_set.HighBit, data_set.PixelRepresentation, data_set.SamplesPerPixel = 7, 0, 1
    data_set.PhotometricInterpretation = "MONOCHROME2"
    data_set.add_new("PixelData", "OB", bytes(1 << 26))
    path = tmp_path_factory.mktemp("large") / "large.dcm"
    data_set.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("target", ["memory", "file"])
def test_a_sender_killed_in_the_middle_of_an_instance_leaves_nothing(
    adapter: str, target: str, large_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reached, resume, heard = threading.Event(), threading.Event(), 0
    sink = tmp_path / "sink"
    sink.mkdir()

    def slow(event: evt.Event) -> None:
        nonlocal heard
        heard += 1
        if heard == 100:
            reached.set()
            assert resume.wait(20)

    handlers: list[Any] = [(evt.EVT_DATA_RECV, slow)]
    if target == "file":
        handlers.append((evt.EVT_C_STORE_SINK, lambda event: sink / "part.dcm"))
    with our_server(adapter, handlers=handlers) as server, caplog.at_level(logging.INFO, "dicomwire"):
        with process([tool("storescu"), "127.0.0.1", str(server.port), large_file], tmp_path / "log") as sender:
            assert reached.wait(20)
            assert sender.popen.poll() is None
            sender.kill()
            resume.set()
        eventually(lambda: server.aborts == 1, 5, "EVT_ABORTED")
        assert server.stored == []
        # The file goes a moment after its association.
        eventually(lambda: list(sink.iterdir()) == [], 5, "the file to go")
        assert any("127.0.0.1" in record.getMessage() for record in caplog.records)
        heard = 1000
        finished([tool("echoscu"), "127.0.0.1", str(server.port)])
        if target == "memory":
            assert store(adapter, server.port, [large_file]) == [0]
            assert len(server.stored) == 1
