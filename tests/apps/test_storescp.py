"""storescp."""

from __future__ import annotations

import errno
import logging
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from dicomwire import events as evt
from dicomwire.__main__ import main
from dicomwire.apps._common import directories
from dicomwire.apps._common.arrived_instance import ArrivedInstance
from dicomwire.apps._common.file_names import file_name
from dicomwire.apps._common.output_directory import OutputDirectory
from dicomwire.apps._common.storage import Discarding, Storage
from dicomwire.blocking import AE
from dicomwire.data.receiving_files import IncomingFile
from dicomwire.dsutils import split_dataset
from dicomwire.presentation import build_context
from dicomwire.safe_names import safe_name
from dicomwire.sinks import FileSink
from tests.apps.helpers import (
    CT,
    DEFLATED,
    EXPLICIT,
    HOST,
    IMPLICIT,
    MR,
    SECONDS,
    VERIFICATION,
    Peer,
    data_set,
    dicom_file,
    environment,
    named,
    peer,
    provider,
)
from tests.support.transfers import started_transfer, wait_for_part

LOGGER = logging.getLogger("dicomwire.apps.storescp")


def storescu(port: str, *args: str | Path) -> int:
    return main(["storescu", HOST, port, "--fail", "-q", *map(str, args)])


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@contextmanager
def storing(directory: Path, sink: Callable[[Any], Any] = lambda made: made) -> Iterator[Peer]:
    """A server that stores in ``directory``; ``sink`` may wrap what each data set goes to."""
    storage = Storage(directory, LOGGER)
    (_, receive), *others = storage.handlers()
    handlers: list[evt.EventHandler] = [(evt.EVT_C_STORE_SINK, lambda event: sink(receive(event))), *others]
    with peer(handlers=handlers) as server:
        yield server
    storage.discard_all()


# -- the program ---------------------------------------------------------------------------------------------------
def test_what_is_sent_is_in_a_file_that_can_be_read(tmp_path: Path) -> None:
    sent = dicom_file(tmp_path / "sent.dcm", instance="1.2.3", size=300_000)
    out = tmp_path / "made" / "for this"
    with provider("storescp", "0", "-v", "-od", str(out)) as server:
        assert storescu(server.port, sent) == 0
        assert server.stop() == 0
    assert names(out) == ["CT.1.2.3"]
    stored = (out / "CT.1.2.3").read_bytes()
    assert stored.endswith(data_set(CT, "1.2.3", 300_000)) and stored.startswith(bytes(128) + b"DICM")
    read = dcmread(out / "CT.1.2.3")
    assert (read.file_meta.TransferSyntaxUID, read.SOPInstanceUID) == (EXPLICIT, "1.2.3")
    assert [line for line in server.lines if "Stored" in line] == [
        f"I: Stored CT.1.2.3 ({len(data_set(CT, '1.2.3', 300_000))} bytes) from STORESCU"
    ]


def test_an_instance_of_a_retired_class_is_stored(tmp_path: Path) -> None:
    # Ultrasound Image Storage as it was until 1994: storescu proposes it, and peers send it.
    sent = dicom_file(tmp_path / "sent.dcm", sop_class="1.2.840.10008.5.1.4.1.1.6")
    with provider("storescp", "0", "-v", "-od", str(tmp_path / "out")) as server:
        assert storescu(server.port, sent) == 0
        assert server.stop() == 0
    assert names(tmp_path / "out") == ["UN.1.2.3"]


def test_storescp_answers_echoes_and_prefers_what_it_is_told_to(tmp_path: Path) -> None:
    with provider("storescp", "0", "-v", "-x=", "-od", str(tmp_path)) as server:
        contexts = [build_context(VERIFICATION), build_context(CT, [IMPLICIT, EXPLICIT])]
        with AE().associate(HOST, int(server.port), contexts) as association:
            assert association.send_c_echo().Status == 0
            assert association.accepted_contexts[1].transfer_syntax == [EXPLICIT]
        assert server.stop() == 0


def test_a_deflated_data_set_is_written_as_received(tmp_path: Path) -> None:
    sent = dicom_file(tmp_path / "sent.dcm", syntax=DEFLATED, size=100)
    with provider("storescp", "0", "-v", "-od", str(tmp_path / "out")) as server:
        assert storescu(server.port, sent) == 0
        assert server.stop() == 0
    stored = (tmp_path / "out" / "CT.1.2.3").read_bytes()
    assert DEFLATED.encode() in stored and stored.endswith(data_set(CT, "1.2.3", 100, DEFLATED))
    assert dcmread(tmp_path / "out" / "CT.1.2.3").SOPInstanceUID == "1.2.3"


def test_no_echo_refuses_verification(tmp_path: Path) -> None:
    with provider("storescp", "0", "-v", "--no-echo", "-od", str(tmp_path)) as server:
        assert main(["echoscu", HOST, server.port, "-q"]) == 1
        assert server.stop() == 0


def test_ignore_answers_success_and_keeps_nothing(tmp_path: Path) -> None:
    sent = dicom_file(tmp_path / "sent.dcm")
    out = tmp_path / "out"
    with provider("storescp", "0", "-v", "--ignore", "-od", str(out)) as server:
        assert storescu(server.port, sent) == 0
        assert server.stop() == 0
    assert not out.exists()
    assert "I: Ignored 1.2.3 from STORESCU" in server.lines


def test_a_full_disk_fails_one_instance_and_loses_nothing(tmp_path: Path) -> None:
    for name, size in (("a", 1000), ("b", 500_000), ("c", 1000)):
        dicom_file(tmp_path / name, instance=f"1.{ord(name)}", size=size)
    out = tmp_path / "out"
    out.mkdir()
    # Python ignores SIGXFSZ: writing beyond the limit gives EFBIG, an OSError as ENOSPC is.
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    with provider("storescp", "0", "-v", "-od", str(out), prelude=limit) as server:
        assert main(["storescu", HOST, server.port, *(str(tmp_path / name) for name in "abc"), "-q", "--fail"]) == 1
        assert names(out) == ["CT.1.97", "CT.1.99"]
        assert server.stop() == 0
    errors = [line for line in server.lines if line.startswith("E")]
    assert len(errors) == 1 and "CT.1.98 cannot be stored: OSError" in errors[0]


@pytest.mark.parametrize("options", [[], ["-v"], ["-ba", HOST]])
def test_it_refuses_to_start_when_its_directory_cannot_be_written(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["storescp", "0", "-od", str(tmp_path / "file" / "out"), *options]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(f"E: Cannot write to {tmp_path / 'file' / 'out'}: ") and "-od" in captured.err
    assert captured.err.count("\n") == 1 and not captured.out


def test_a_directory_without_permission_is_no_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def forbid(**kwargs: Any) -> Any:
        # Not by its mode: root may write everywhere.
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(directories, "TemporaryFile", forbid)
    assert main(["storescp", "0", "-od", str(tmp_path)]) == 1
    assert f"Cannot write to {tmp_path}: Permission denied" in capsys.readouterr().err


def test_it_says_where_it_listens_and_at_the_end_what_came(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with provider("storescp", "0", "-od", str(out), stdout=subprocess.PIPE) as server:
        assert storescu(server.port, dicom_file(tmp_path / "sent")) == 0
        shutil.rmtree(out)
        out.touch()
        assert storescu(server.port, tmp_path / "sent") == 1
        assert server.stop() == 0
        assert server.process.stdout is not None
        total = server.process.stdout.read()
    assert server.lines[0].endswith(f" port {server.port}") and total == "1 received, 1 not stored, 0.0 MB\n"


def test_quiet_does_not_say_where_it_listens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(server: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dicomwire.transport.AssociationServer.serve_forever", interrupt)
    assert main(["echoscp", "0"]) == 0
    assert capsys.readouterr().err.startswith("I: Listening on ")
    assert main(["echoscp", "0", "-q"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_directory_that_is_gone_fails_instances_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sent = dicom_file(tmp_path / "sent.dcm")
    (tmp_path / "out").touch()
    with storing(tmp_path / "out") as server:
        assert main(["storescu", HOST, server.port, str(sent), str(sent)]) == 1
    captured = capsys.readouterr()
    assert "status 0xA700 (Failure)" in captured.err and "Traceback" not in captured.err


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_in_the_middle_of_a_transfer_leaves_no_part_behind(tmp_path: Path, how: signal.Signals) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with provider("storescp", "0", "-v", "--drain", "0", "-od", str(out)) as server:
        with started_transfer(int(server.port)) as sock:
            wait_for_part(out)
            server.process.send_signal(how)
            sock.settimeout(SECONDS)
            while sock.recv(4096):
                pass
        assert server.end() == 0
    assert names(out) == []


# -- incomplete transfers ------------------------------------------------------------------------------------------


def test_a_killed_sender_leaves_no_file(tmp_path: Path) -> None:
    sent = dicom_file(tmp_path / "sent.dcm", size=50_000_000)
    out = tmp_path / "out"
    begun, killed = threading.Event(), threading.Event()

    class Slow:
        """Lets the sender be killed after the first piece."""

        def __init__(self, sink: IncomingFile) -> None:
            self.sink = sink
            self.close, self.discard = sink.close, sink.discard

        def write(self, fragments: list[memoryview]) -> None:
            self.sink.write(fragments)
            begun.set()
            killed.wait(SECONDS)

    with storing(out, Slow) as server:
        args = [sys.executable, "-m", "dicomwire", "storescu", HOST, server.port, str(sent)]
        with subprocess.Popen(args, env=environment(), stderr=subprocess.DEVNULL) as sender:
            assert begun.wait(SECONDS)
            assert [name[0] for name in names(out)] == ["."]
            sender.kill()
            sender.wait(SECONDS)
        killed.set()
        assert server.closed.wait(SECONDS)
        assert names(out) == []
        assert storescu(server.port, dicom_file(tmp_path / "small.dcm")) == 0
    assert names(out) == ["CT.1.2.3"]


def test_a_data_set_that_the_library_refuses_leaves_no_file(tmp_path: Path) -> None:
    # The context is for CT, the request for something that nobody knows: answered 0x0122 without a handler.
    with storing(tmp_path) as server:
        with started_transfer(int(server.port), "1.2.3.4", complete=True) as sock:
            assert sock.recv(4096)[:1] == b"\x04"
        assert server.closed.wait(SECONDS)
    assert names(tmp_path) == []


def test_a_refused_data_set_goes_when_the_next_one_with_its_message_id_comes(tmp_path: Path) -> None:
    storage = Storage(tmp_path, LOGGER)

    class Association:
        pass

    class Message:
        def header(self) -> bytes:
            return b""

    class Event:
        assoc = Association()
        message_id = 1
        _message = Message()

    def received() -> IncomingFile:
        file = storage._receive(Event)  # type: ignore[arg-type]
        file.write([memoryview(b"data")])
        file.close()
        return file

    received()
    second = received()
    assert names(tmp_path) == [second.path.name]
    storage.discard_all()
    assert names(tmp_path) == []


def test_nothing_is_written_after_a_file_was_discarded(tmp_path: Path) -> None:
    file = IncomingFile.within(tmp_path, b"header")
    file.discard()
    file.write([memoryview(b"data")])
    file.close()
    assert names(tmp_path) == []


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(2000)


def answered(sock: socket.socket) -> int:
    """The status of the response that comes."""
    head = sock.recv(6, socket.MSG_WAITALL)
    body = sock.recv(struct.unpack(">L", head[2:])[0], socket.MSG_WAITALL)
    at = body.index(b"\0\0\0\x09\x02\0\0\0") + 8
    return int.from_bytes(body[at : at + 2], "little")


def test_what_is_no_data_set_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = tmp_path / "out"
    with storing(out) as server, caplog.at_level(logging.INFO, "dicomwire.apps"):
        with started_transfer(int(server.port), complete=True, data=PNG) as sock:
            assert answered(sock) == 0x0210
        assert server.closed.wait(SECONDS)
        assert names(out) == []
        assert storescu(server.port, dicom_file(tmp_path / "sent.dcm")) == 0
    assert "CT.1.2.3 cannot be stored: NoDataSet: what came is no data set in Explicit VR Little Endian" in caplog.text
    assert names(out) == ["CT.1.2.3"]


def test_what_is_ignored_is_not_looked_at(tmp_path: Path) -> None:
    with (
        peer(handlers=Discarding(LOGGER).handlers()) as server,
        started_transfer(int(server.port), complete=True, data=PNG) as sock,
    ):
        assert answered(sock) == 0


@pytest.mark.parametrize("whole", [False, True])
def test_a_stored_file_has_one_transfer_syntax(tmp_path: Path, whole: bool) -> None:
    front = dicom_file(tmp_path / "sent.dcm", syntax=IMPLICIT, size=0).read_bytes()
    front = front[: split_dataset(tmp_path / "sent.dcm")[1]]
    out = tmp_path / "out"
    with (
        storing(out) as server,
        started_transfer(
            int(server.port), complete=True, data=(front if whole else front[132:]) + data_set(CT, "1.2.3", 100)
        ) as sock,
    ):
        assert answered(sock) == 0
    read = dcmread(out / "CT.1.2.3")
    assert (read.file_meta.TransferSyntaxUID, read.SOPInstanceUID) == (EXPLICIT, "1.2.3")
    assert (out / "CT.1.2.3").read_bytes().count(b"\2\0\x10\0UI") == 1


# -- names ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("sop_class", "prefix"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", "CT"),
        ("1.2.840.10008.5.1.4.1.1.2.1", "CTE"),
        ("1.2.840.10008.5.1.4.1.1.4", "MR"),
        ("1.2.840.10008.5.1.4.1.1.4.1", "MRE"),
        ("1.2.840.10008.5.1.4.1.1.128", "PT"),
        ("1.2.840.10008.5.1.4.1.1.130", "PTE"),
        ("1.2.840.10008.5.1.4.1.1.481.1", "RI"),
        ("1.2.840.10008.5.1.4.1.1.481.2", "RD"),
        ("1.2.840.10008.5.1.4.1.1.481.5", "RP"),
        ("1.2.840.10008.5.1.4.1.1.481.3", "RS"),
        ("1.2.840.10008.5.1.4.1.1.1", "CR"),
        ("1.2.840.10008.5.1.4.1.1.6.1", "US"),
        ("1.2.840.10008.5.1.4.1.1.6.2", "USE"),
        ("1.2.840.10008.5.1.4.1.1.12.1", "XA"),
        ("1.2.840.10008.5.1.4.1.1.12.1.1", "XAE"),
        ("1.2.840.10008.5.1.4.1.1.20", "NM"),
        ("1.2.840.10008.5.1.4.1.1.7", "SC"),
        ("1.2.840.10008.5.1.4.1.1.66", "UN"),
    ],
)
def test_the_prefix_tells_the_class(sop_class: str, prefix: str) -> None:
    assert file_name(sop_class, "1.2.3") == f"{prefix}.1.2.3"


def send_named(port: str, *uids: str) -> None:
    """Send instances that are called so."""
    with AE().associate(HOST, int(port), [build_context(CT, EXPLICIT)]) as association:
        for uid in uids:
            assert association.send_c_store(named(uid)).Status == 0x0000


@pytest.mark.parametrize("uid", ["../../evil", "..", ".", "/etc/passwd", "a/../b", "1.2\\3", "1." * 31 + "xy"])
def test_a_hostile_uid_stays_in_the_directory(uid: str, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with storing(out) as server:
        send_named(server.port, uid)
    assert names(out) == [f"CT.{safe_name(uid)}"]
    assert names(tmp_path) == ["deep"] and names(tmp_path / "deep") == ["out"]


def test_two_hostile_uids_do_not_share_a_file(tmp_path: Path) -> None:
    with storing(tmp_path / "out") as server:
        send_named(server.port, "1/2", "1_2", "1-2")
    assert len(names(tmp_path / "out")) == 3


def test_an_existing_file_is_overwritten_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "CT.1.2.3").write_text("old")
    with storing(out) as server, caplog.at_level(logging.WARNING, "dicomwire.apps"):
        assert storescu(server.port, dicom_file(tmp_path / "sent.dcm")) == 0
    assert dcmread(out / "CT.1.2.3").SOPInstanceUID == "1.2.3"
    assert "CT.1.2.3 exists already: overwritten" in caplog.text


def test_a_symbolic_link_under_the_final_name_is_replaced_and_not_followed(tmp_path: Path) -> None:
    out, precious = tmp_path / "out", tmp_path / "precious"
    out.mkdir()
    precious.write_text("precious")
    (out / "CT.1.2.3").symlink_to(precious)
    with storing(out) as server:
        assert storescu(server.port, dicom_file(tmp_path / "sent.dcm")) == 0
    assert precious.read_text() == "precious" and not (out / "CT.1.2.3").is_symlink()


def test_what_a_file_had_is_kept_until_the_new_one_is_complete(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "CT.1.2.3").write_text("old")
    with storing(out) as server:
        with started_transfer(int(server.port)):
            wait_for_part(out)
        assert server.closed.wait(SECONDS)
    assert names(out) == ["CT.1.2.3"] and (out / "CT.1.2.3").read_text() == "old"


# -- statuses ------------------------------------------------------------------------------------------------------
def stored_with(sink: Callable[[Any], Any], tmp_path: Path) -> list[int]:
    """The statuses of two instances, the first of which goes to what ``sink`` makes of its file."""
    turns = iter([sink])
    statuses = []
    sent = [dicom_file(tmp_path / name, instance=f"1.{ord(name)}") for name in "ab"]
    with (
        storing(tmp_path / "out", lambda made: next(turns, lambda same: same)(made)) as server,
        AE().associate(HOST, int(server.port), [build_context(CT, EXPLICIT)]) as association,
    ):
        statuses = [association.send_c_store(path).Status for path in sent]
    assert names(tmp_path / "out") == ["CT.1.98"]
    return statuses


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 0xA700),
        (PermissionError("no"), 0xA700),
        (MemoryError(), 0xA700),
        (ValueError("odd"), 0xA701),
    ],
)
@pytest.mark.parametrize("method", ["write", "close"])
def test_the_status_tells_why_an_instance_was_not_stored(
    method: str, error: Exception, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = getattr(FileSink, method)

    def breaking(file: IncomingFile) -> IncomingFile:
        def fail(sink: FileSink, *args: Any) -> None:
            if sink is file:
                raise error
            act(sink, *args)

        monkeypatch.setattr(FileSink, method, fail)
        return file

    assert stored_with(breaking, tmp_path) == [status, 0x0000]


def test_a_final_name_that_cannot_be_taken_is_a_failure(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "CT.1.2.3" / "in the way").mkdir(parents=True)
    with storing(out) as server:
        assert storescu(server.port, dicom_file(tmp_path / "sent.dcm")) == 1
    assert names(out) == ["CT.1.2.3"]


def test_an_instance_without_uid_is_refused(tmp_path: Path) -> None:
    storage = Storage(tmp_path, LOGGER)

    class Request:
        AffectedSOPClassUID = None
        AffectedSOPInstanceUID = "1.2.3"

    class Event:
        request = Request

    file = IncomingFile.within(tmp_path, b"")
    file.close()
    assert storage._keep(ArrivedInstance(Event, tmp_path, 0), file) == 0xC210  # type: ignore[arg-type]


def test_an_instance_that_was_discarded_meanwhile_is_not_called_stored(tmp_path: Path) -> None:
    class Association:
        pass

    class Event:
        assoc = Association()
        message_id = 1

    assert Storage(tmp_path, LOGGER)._store(Event) == 0xA700  # type: ignore[arg-type]


def test_several_senders_at_once_all_get_their_files_stored(tmp_path: Path) -> None:
    codes: list[int] = []

    def send(number: int, port: str) -> None:
        directory = tmp_path / f"from{number}"
        directory.mkdir()
        for item in range(10):
            dicom_file(directory / str(item), instance=f"1.{number}.{item}", sop_class=MR, size=20_000)
        with AE().associate(HOST, int(port), [build_context(MR, EXPLICIT)]) as association:
            codes.extend(association.send_c_store(directory / str(item)).Status for item in range(10))

    out = tmp_path / "out"
    with storing(out) as server:
        threads = [threading.Thread(target=send, args=(number, server.port)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert codes == [0] * 40
    assert names(out) == sorted(f"MR.1.{number}.{item}" for number in range(4) for item in range(10))


@pytest.mark.parametrize("ignore", [False, True])
def test_two_instances_under_way_on_one_association_are_both_taken(ignore: bool, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    storage = OutputDirectory(tmp_path / "out", ignore).storage(LOGGER, lambda *counted: told.append(counted))
    sent = [dicom_file(tmp_path / name, instance=f"1.{ord(name)}", size=size) for name, size in (("a", 10), ("b", 20))]
    sizes = [len(data_set(CT, "1.97", size)) for size in (10, 20)]
    both = threading.Barrier(2)

    def store(event: evt.Event) -> int:
        both.wait(SECONDS)
        return storage._store(event)

    handlers: list[evt.EventHandler] = [*storage.handlers(), (evt.EVT_C_STORE, store)]
    with peer(handlers=handlers, asynchronous_operations=(2, 2)) as server:
        ae = AE()
        ae.asynchronous_operations = (2, 2)
        with ae.associate(HOST, int(server.port), [build_context(CT, EXPLICIT)]) as association:
            assert [status.Status for _, status in association.send_c_store_many(sent)] == [0, 0]
    assert sorted(told) == [(0, size) for size in sizes]
    assert ignore or names(tmp_path / "out") == ["CT.1.97", "CT.1.98"]


def test_what_is_ignored_is_not_kept_in_memory_either(tmp_path: Path) -> None:
    with peer(handlers=Discarding(LOGGER).handlers()) as server:
        assert storescu(server.port, dicom_file(tmp_path / "sent.dcm", size=5_000_000)) == 0
    Discarding(LOGGER).discard_all()
