"""What a C-STORE handler is given, and where data sets go."""

from __future__ import annotations

import errno
import os
import tracemalloc
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset

from dicomwire import _config, evt
from dicomwire.asyncio.protocol_channel import ProtocolChannel
from dicomwire.dsutils import decode
from dicomwire.sources import EncodedDataSet
from dicomwire.status import Status
from tests.support.adapters import CT_IMAGE_STORAGE, Recorder, World, done, keep
from tests.support.sessions import (
    COMMAND,
    DATA,
    LAST,
    p_data,
    pdv,
    proposal,
    request,
    store_rq,
    whole_command,
    whole_data,
)
from tests.support.storing import EXPLICIT, IMPLICIT, Store, instance, large_instance, storage, storing
from tests.support.streams import ABORT


def listing(folder: Path) -> list[str]:
    return os.listdir(folder)


# -- the event ----------------------------------------------------------------------------------------------------
async def handled(world: World, look: Callable[[evt.Event], Any]) -> tuple[Dataset, Any]:
    """An instance that was sent, and what ``look`` saw of it in the handler."""
    seen: list[Any] = []
    contexts = storage(EXPLICIT)
    handler = (evt.EVT_C_STORE, lambda event: keep(seen, look(event), 0x0000))
    server = await world.serve([handler], contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    sent = instance(EXPLICIT)
    assert (await done(association.send_c_store(sent, msg_id=12))).Status == 0x0000
    await done(association.release())
    return sent, seen[0]


async def test_the_event_holds_the_request(world: World) -> None:
    def look(event: evt.Event) -> dict[str, Any]:
        for name in ("identifier", "move_destination", "attribute_list", "event_type", "pdu", "address"):
            with pytest.raises(AttributeError):
                getattr(event, name)
        return {
            "acceptor": event.assoc.is_acceptor,
            "context": tuple(event.context),
            "message_id": event.message_id,
            "type": event.request.msg_type,
            "valid": event.request.is_valid_request,
            "name": str(event.event),
            "path": event.dataset_path,
            "cancelled": event.is_cancelled,
            "now": event.timestamp.year >= 2000,
            "as it came": event.request.DataSet.getvalue() == event.encoded_dataset(include_meta=False),
        }

    _, seen = await handled(world, look)
    assert seen == {
        "acceptor": True,
        "context": (1, CT_IMAGE_STORAGE, EXPLICIT),
        "message_id": 12,
        "type": "C-STORE",
        "valid": True,
        "name": "EVT_C_STORE",
        "path": None,
        "cancelled": False,
        "now": True,
        "as it came": True,
    }


async def test_the_event_holds_the_instance(world: World) -> None:
    def look(event: evt.Event) -> Any:
        dataset = event.dataset
        assert dataset is event.dataset
        return dataset, event.encoded_dataset(), event.encoded_dataset(include_meta=False)

    sent, (dataset, encoded, bare) = await handled(world, look)
    assert dataset == sent
    assert decode(bare, False, True) == sent
    assert encoded[:132] == bytes(128) + b"DICM"
    assert encoded.endswith(bare)


async def test_the_event_makes_file_meta_information(world: World) -> None:
    _, (meta, other) = await handled(world, lambda event: (event.file_meta, event.file_meta))
    assert isinstance(meta, FileMetaDataset) and meta is not other
    assert meta.MediaStorageSOPClassUID == CT_IMAGE_STORAGE
    assert meta.MediaStorageSOPInstanceUID == "1.2.3.4"
    assert meta.TransferSyntaxUID == EXPLICIT
    assert "ImplementationClassUID" in meta and "ImplementationVersionName" in meta


async def test_a_handler_writes_a_file_of_the_instance_in_two_ways(world: World, tmp_path: Path) -> None:
    def write(event: evt.Event) -> None:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        dataset.save_as(tmp_path / "saved.dcm", enforce_file_format=True)
        (tmp_path / "written.dcm").write_bytes(event.encoded_dataset())

    sent, _ = await handled(world, write)
    for name in ("saved.dcm", "written.dcm"):
        assert dcmread(tmp_path / name) == sent
        assert dcmread(tmp_path / name).file_meta.TransferSyntaxUID == EXPLICIT


async def test_a_volume_in_memory_is_what_was_sent(world: World) -> None:
    # More than is kept in small pages, of an odd number of fragments.
    pixels = bytes(range(256)) * (5 << 12) + b"end!"
    kept: list[Any] = []

    def handler(event: evt.Event) -> int:
        kept.extend((event.dataset, event.encoded_dataset(include_meta=False), event.request.DataSet.getvalue()))
        return 0x0000

    contexts = storage(EXPLICIT)
    server = await world.serve([(evt.EVT_C_STORE, handler)], contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    sent = instance(EXPLICIT)
    sent.add_new(0x7FE00010, "OW", pixels)
    assert (await done(association.send_c_store(sent))).Status == 0x0000
    dataset, encoded, requested = kept
    assert dataset.PixelData == pixels
    assert dataset == sent
    assert encoded == requested
    assert encoded.endswith(pixels)


async def test_malformed_content_raises_only_when_it_is_looked_at(world: World) -> None:
    store = Store()
    server = await world.serve(store.bindings)
    peer = await world.connect(server)
    await peer.send(request([proposal(3, CT_IMAGE_STORAGE, IMPLICIT)]).encode())
    assert (await peer.pdu())[0] == 2
    await peer.send(p_data(pdv(3, COMMAND | LAST, store_rq()), pdv(3, DATA | LAST, b"nonsense, cut off")))
    answer = await peer.pdu()
    assert b"\0\0\0\x09\x02\0\0\0\0\0" in answer
    assert store.data == [b"nonsense, cut off"]
    await peer.send(ABORT)
    await peer.close()


async def test_fragments_of_any_shape_are_put_together(world: World) -> None:
    store = Store()
    server = await world.serve(store.bindings)
    peer = await world.connect(server)
    await peer.send(request([proposal(3, CT_IMAGE_STORAGE, IMPLICIT)]).encode())
    await peer.pdu()
    command = store_rq()
    await peer.send(
        p_data(pdv(3, COMMAND, command[:10]), pdv(3, COMMAND | LAST, command[10:]), pdv(3, DATA, b"ab"))
        + p_data(pdv(3, DATA, b"cde"), pdv(3, DATA, b""))
        + p_data(pdv(3, DATA | LAST, b"f"))
    )
    assert b"\0\0\0\x09\x02\0\0\0\0\0" in await peer.pdu()
    assert store.data == [b"abcdef"]
    await peer.send(ABORT)
    await peer.close()


# -- statuses -----------------------------------------------------------------------------------------------------
def _detailed() -> Dataset:
    status = Dataset()
    status.Status = 0xA900
    status.ErrorComment = "does not match"
    status.OffendingElement = [0x00100010, 0x00100020]
    status.PatientID = "has no place there"
    return status


def _raises(event: evt.Event) -> Any:
    raise RuntimeError("the handler is broken")


async def _raises_later(event: evt.Event) -> Any:
    raise RuntimeError("the handler is broken")


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        pytest.param(lambda event: 0x0000, 0x0000, id="int"),
        pytest.param(lambda event: 0xB000, 0xB000, id="warning"),
        pytest.param(lambda event: Status.SUCCESS, 0x0000, id="enum"),
        pytest.param(lambda event: 0x1234, 0x1234, id="not-in-the-table"),
        pytest.param(lambda event: _detailed(), 0xA900, id="dataset"),
        pytest.param(_raises, 0xC211, id="raises"),
        pytest.param(_raises_later, 0xC211, id="raises-in-async"),
        pytest.param(None, 0xC211, id="unbound"),
        pytest.param(lambda: 0, 0xC211, id="takes-no-event"),
        pytest.param(lambda event: Dataset(), 0xC001, id="no-status"),
        pytest.param(lambda event: None, 0xC002, id="none"),
        pytest.param(lambda event: "0", 0xC002, id="str"),
        pytest.param(lambda event: (0, None), 0xC002, id="pair"),
        pytest.param(lambda event: 0.0, 0xC002, id="float"),
    ],
)
async def test_what_the_store_handler_says_is_answered(world: World, handler: Any, status: int) -> None:
    association = await world.join([] if handler is None else [(evt.EVT_C_STORE, handler)])
    answer = await done(association.send_c_store(instance()))
    assert answer.Status == status
    if status == 0xA900:
        assert answer.ErrorComment == "does not match"
        assert answer.OffendingElement == [0x00100010, 0x00100020]
        assert len(answer) == 3
    assert association.is_established
    assert (await done(association.send_c_echo())).Status == 0x0000
    await done(association.release())


async def test_a_status_dataset_with_values_of_the_wrong_type_does_not_end_the_association(world: World) -> None:
    def handler(event: evt.Event) -> Any:
        status = Dataset()
        status.Status = 0xA700
        status.ErrorComment = "x" * 64
        status.add_new(0x00000901, "AT", None)
        return status

    association = await world.join([(evt.EVT_C_STORE, handler)])
    answer = await done(association.send_c_store(instance()))
    assert answer.Status == 0xA700
    assert association.is_established
    await done(association.release())


async def test_handler_arguments_follow_the_event(world: World) -> None:
    seen: list[Any] = []

    def handler(event: evt.Event, *args: Any) -> int:
        seen.append(args)
        return 0x0000

    association = await world.join([(evt.EVT_C_STORE, handler, [1, "two"])])
    await done(association.send_c_store(instance()))
    assert seen == [(1, "two")]
    await done(association.release())


# -- in chunks to a file ------------------------------------------------------------------------------------------
@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where data sets go while their handlers run."""
    _config.STORE_RECV_CHUNKED_DATASET = True
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


async def stored_in_chunks(world: World, handler: Callable[[evt.Event], int]) -> tuple[Dataset, int]:
    """What was sent, and the status that came back."""
    contexts = storage(EXPLICIT)
    server = await world.serve([(evt.EVT_C_STORE, handler)], contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    dataset = instance(EXPLICIT)
    dataset.PixelData = bytes(100_000)
    dataset["PixelData"].VR = "OW"
    status = await done(association.send_c_store(dataset))
    await done(association.release())
    return dataset, status.Status


@pytest.mark.parametrize("raises", [False, True])
async def test_a_chunked_data_set_is_in_a_file_as_long_as_the_handler_runs(
    world: World, temporary: Path, raises: bool
) -> None:
    paths: list[Path | None] = []

    def handler(event: evt.Event) -> int:
        paths.append(event.dataset_path)
        assert event.dataset_path is not None and event.dataset_path.exists()
        if raises:
            raise RuntimeError
        return 0x0000

    _, status = await stored_in_chunks(world, handler)
    assert status == (0xC211 if raises else 0x0000)
    (path,) = paths
    assert path is not None and path.suffix == ".dcm"
    assert not path.exists()
    assert listing(temporary) == []


async def test_a_chunked_data_set_is_what_was_sent_however_it_is_looked_at(world: World, temporary: Path) -> None:
    seen: dict[str, Any] = {}

    def handler(event: evt.Event) -> int:
        assert event.dataset_path is not None
        seen["file"] = dcmread(event.dataset_path)
        seen["dataset"] = event.dataset
        seen["encoded"] = event.encoded_dataset()
        seen["bare"] = event.encoded_dataset(include_meta=False)
        seen["content"] = event.dataset_path.read_bytes()
        return 0x0000

    dataset, status = await stored_in_chunks(world, handler)
    assert status == 0x0000
    assert seen["file"] == seen["dataset"] == dataset
    assert seen["file"].file_meta.TransferSyntaxUID == EXPLICIT
    assert seen["encoded"] == seen["content"]
    assert seen["content"].endswith(seen["bare"])
    assert decode(seen["bare"], False, True) == dataset


async def test_a_chunked_data_set_that_breaks_off_leaves_no_file(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _config.STORE_RECV_CHUNKED_DATASET = True
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store, told = Store(), Recorder()
    server = await world.serve([*store.bindings, *told.bindings(evt.EVT_ABORTED)])
    for ending in (ABORT, b""):
        peer = await world.connect(server)
        await peer.send(request([proposal(3, CT_IMAGE_STORAGE, IMPLICIT)]).encode())
        await peer.pdu()
        await peer.send(whole_command(3, store_rq()) + p_data(pdv(3, DATA, bytes(1000))))
        await world.until(lambda: listing(tmp_path))
        if ending:
            await peer.send(ending)
        await peer.close()
        await world.until(lambda: not server.active_associations)
        # The file goes with the thread or task, which is a moment behind the association.
        await world.until(lambda: not listing(tmp_path))
    assert store.data == []
    assert told.names == ["ABORTED", "ABORTED"]


@pytest.mark.parametrize("status", [0x0000, 0xA700])
async def test_a_temporary_file_that_cannot_be_removed_is_told_once_and_the_status_goes_out(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    _config.STORE_RECV_CHUNKED_DATASET = True
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    association = await world.join([(evt.EVT_C_STORE, lambda event: status)])

    def in_use(*args: Any, **kwargs: Any) -> None:
        # As on Windows while somebody has it open.
        raise PermissionError(errno.EACCES, "in use by another process")

    with monkeypatch.context() as patched:
        for module, name in ((os, "unlink"), (os, "remove"), (Path, "unlink")):
            patched.setattr(module, name, in_use)
        assert (await done(association.send_c_store(instance()))).Status == status
        assert (await done(association.send_c_echo())).Status == 0x0000
    (left,) = listing(tmp_path)
    (said,) = [record.getMessage() for record in caplog.records if "cannot be removed" in record.getMessage()]
    assert str(left) in said and "in use by another process" in said
    await done(association.release())


async def test_a_directory_for_temporary_files_that_is_missing_is_out_of_resources(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _config.STORE_RECV_CHUNKED_DATASET = True
    store = Store()
    association = await world.join(store.bindings)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    assert (await done(association.send_c_store(instance()))).Status == 0xA700
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert (await done(association.send_c_store(instance()))).Status == 0x0000
    assert len(store.data) == 1
    await done(association.release())


# -- sinks --------------------------------------------------------------------------------------------------------
class KeepingSink:
    """A sink of the user's own."""

    def __init__(self, fails_at: str = "", error: type[Exception] = OSError) -> None:
        self.data = b""
        self.calls: list[str] = []
        self._fails_at = fails_at
        self._error = error

    def _call(self, name: str) -> None:
        if self.calls[-1:] != [name]:
            self.calls.append(name)
        if name == self._fails_at:
            raise self._error("disk full")

    def write(self, fragments: list[memoryview]) -> None:
        self.data += b"".join(fragments)
        self._call("write")

    def close(self) -> None:
        self._call("close")

    def discard(self) -> None:
        self._call("discard")


async def test_the_handler_that_says_where_a_data_set_goes_knows_what_is_to_come(world: World) -> None:
    asked: list[Any] = []

    def choose(event: evt.Event) -> Any:
        asked.append((event.message_id, event.request.AffectedSOPInstanceUID, event.context.transfer_syntax))
        asked.append(event.file_meta.MediaStorageSOPInstanceUID)

    contexts = storage(EXPLICIT)
    server = await world.serve([(evt.EVT_C_STORE_SINK, choose), (evt.EVT_C_STORE, lambda event: 0)], contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    assert (await done(association.send_c_store(large_instance(), msg_id=5))).Status == 0x0000
    assert asked == [(5, "1.2.3.4", EXPLICIT), "1.2.3.4"]
    await done(association.release())


async def sent_to(world: World, target: Any, store: Callable[[evt.Event], object], times: int = 1) -> Dataset:
    """What was sent, each time to ``target``; ``store`` sees the events of it."""

    def stored(event: evt.Event) -> int:
        store(event)
        return 0x0000

    contexts = storage(EXPLICIT)
    server = await world.serve(
        [(evt.EVT_C_STORE_SINK, lambda event: target), (evt.EVT_C_STORE, stored)], contexts=contexts
    )
    association = await world.associate(server, contexts=contexts)
    dataset = large_instance()
    for message_id in range(5, 5 + times):
        assert (await done(association.send_c_store(dataset, msg_id=message_id))).Status == 0x0000
    await done(association.release())
    return dataset


@pytest.mark.parametrize("kind", [Path, str])
async def test_a_data_set_goes_to_the_path_that_the_handler_gives_and_stays_there(
    world: World, tmp_path: Path, kind: type
) -> None:
    seen: list[Any] = []
    dataset = await sent_to(
        world, kind(tmp_path / "new.dcm"), lambda event: seen.extend((event.dataset, event.dataset_path))
    )
    assert dcmread(tmp_path / "new.dcm") == dataset
    assert seen == [dataset, tmp_path / "new.dcm"]


@pytest.mark.parametrize("kind", ["file", "bytearray", "sink"])
async def test_a_data_set_goes_to_what_gathers_it(world: World, kind: str) -> None:
    data, file, sink = bytearray(), BytesIO(), KeepingSink()
    paths: list[Path | None] = []
    targets: dict[str, Any] = {"file": file, "bytearray": data, "sink": sink}
    dataset = await sent_to(world, targets[kind], lambda event: paths.append(event.dataset_path))
    received = {"file": file.getvalue(), "bytearray": bytes(data), "sink": sink.data}
    assert decode(received[kind], False, True) == dataset
    assert sink.calls == (["write", "close"] if kind == "sink" else [])
    assert paths == [None]


@pytest.mark.parametrize("kind", ["callback", "async", "none"])
async def test_a_data_set_goes_to_who_takes_it_piece_by_piece_and_so_does_the_next(world: World, kind: str) -> None:
    pieces: list[bytes] = []

    async def later(fragment: memoryview) -> None:
        # The view must stay what it is while others go on.
        before = bytes(fragment)
        for _ in range(2):
            if world.name != "blocking":
                with pytest.raises(TimeoutError):
                    await world.until(lambda: False, 0.0001)
        assert before == bytes(fragment)
        pieces.append(bytes(fragment))

    whole: list[bytes] = []

    def store(event: evt.Event) -> None:
        assert event.dataset_path is None
        if kind == "none":
            pieces.append(event.encoded_dataset(include_meta=False))
        whole.append(b"".join(pieces))
        pieces.clear()

    targets: dict[str, Any] = {
        "callback": lambda fragment: pieces.append(bytes(fragment)),
        "async": later,
        "none": None,
    }
    dataset = await sent_to(world, targets[kind], store, times=2)
    assert len(whole) == 2
    assert [decode(received, False, True) for received in whole] == [dataset, dataset]


@pytest.mark.parametrize("fails_at", ["write", "close"])
@pytest.mark.parametrize(("error", "status"), [(OSError, 0xA700), (MemoryError, 0xA700), (KeyError, 0xC211)])
async def test_a_sink_that_fails_is_answered_and_the_association_goes_on(
    world: World, fails_at: str, error: type[Exception], status: int
) -> None:
    sinks = [KeepingSink(fails_at, error), KeepingSink()]
    chosen: list[KeepingSink] = []
    stored: list[Any] = []

    def choose(event: evt.Event) -> Any:
        chosen.append(sinks[len(chosen)])
        return chosen[-1]

    handlers = [(evt.EVT_C_STORE_SINK, choose), (evt.EVT_C_STORE, lambda event: keep(stored, event.message_id))]
    contexts = storage(EXPLICIT)
    server = await world.serve(handlers, contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    assert (await done(association.send_c_store(large_instance(), msg_id=1))).Status == status
    assert sinks[0].calls[-2:] == [fails_at, "discard"]
    assert (await done(association.send_c_store(large_instance(), msg_id=2))).Status == 0x0000
    assert stored == [2]
    await done(association.release())


@pytest.mark.parametrize(
    ("choose", "status"),
    [
        pytest.param(_raises, 0xC211, id="raises"),
        pytest.param(lambda event: 7, 0xC211, id="no-target"),
        pytest.param(lambda event: Path("/no/such/directory/x.dcm"), 0xA700, id="no-directory"),
    ],
)
async def test_a_sink_that_cannot_be_had_is_answered_and_the_association_goes_on(
    world: World, choose: Any, status: int
) -> None:
    store = Store()
    association = await world.join([(evt.EVT_C_STORE_SINK, choose), *store.bindings])
    assert (await done(association.send_c_store(instance()))).Status == status
    assert store.data == []
    assert (await done(association.send_c_echo())).Status == 0x0000
    await done(association.release())


async def test_a_sink_is_discarded_when_the_association_ends_in_the_middle(world: World, tmp_path: Path) -> None:
    path, sink = tmp_path / "new.dcm", KeepingSink()
    targets: list[Any] = [path, sink]
    server = await world.serve([(evt.EVT_C_STORE_SINK, lambda event: targets.pop(0)), *Store().bindings])
    for began in (lambda: listing(tmp_path), lambda: sink.data):
        peer = await world.connect(server)
        await peer.send(request([proposal(3, CT_IMAGE_STORAGE, IMPLICIT)]).encode())
        await peer.pdu()
        await peer.send(whole_command(3, store_rq()) + p_data(pdv(3, DATA, bytes(1000))))
        await world.until(began)
        await peer.send(ABORT)
        await peer.close()
        await world.until(lambda: not server.active_associations)
    assert listing(tmp_path) == []
    assert sink.calls == ["write", "discard"]


async def test_a_sink_may_abort_the_association(world: World) -> None:
    server: Any = None

    async def callback(fragment: memoryview) -> None:
        for association in server.active_associations:
            await done(association.abort(False))

    stored: list[Any] = []
    handlers = [
        (evt.EVT_C_STORE_SINK, lambda event: callback),
        (evt.EVT_C_STORE, lambda event: keep(stored, event)),
    ]
    contexts = storage(EXPLICIT)
    server = await world.serve(handlers, contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    assert len(await done(association.send_c_store(large_instance()))) == 0
    assert association.is_aborted
    await world.until(lambda: not server.active_associations)
    assert stored == []


async def test_a_sender_is_slowed_by_a_slow_sink(async_world: World) -> None:
    # While the sink takes its time, little is read: the rest waits in the sender.
    unread: list[int] = []
    server: Any = None

    async def callback(fragment: memoryview) -> None:
        with pytest.raises(TimeoutError):
            await async_world.until(lambda: False, 0.0001)
        unread.extend(item.line.session.connection.unread for item in server.active_associations)

    contexts = storage(EXPLICIT)
    server = await async_world.serve(
        [(evt.EVT_C_STORE_SINK, lambda event: callback), *Store().bindings], contexts=contexts
    )
    association = await async_world.associate(server, contexts=contexts)
    dataset = large_instance()
    dataset.PixelData *= 4
    assert (await done(association.send_c_store(dataset))).Status == 0
    assert max(unread) < 2 << 20
    await done(association.release())


async def test_nothing_is_received_over_the_end_of_a_data_set_that_a_sink_looks_at(
    asyncio_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An event loop receives whenever it may.
    goes_on, looks_at = asyncio_world.signal(), []
    kept: list[bytes] = []
    received = 0
    update = ProtocolChannel.buffer_updated

    def counted(channel: ProtocolChannel, count: int) -> None:
        nonlocal received
        received += count
        update(channel, count)

    async def sink(fragment: memoryview) -> None:
        looks_at.append(fragment)
        await goes_on.wait()
        kept.append(bytes(fragment))

    server = await asyncio_world.serve([(evt.EVT_C_STORE_SINK, lambda event: sink), *Store().bindings])
    peer = await asyncio_world.connect(server)
    await peer.send(request([proposal(3, CT_IMAGE_STORAGE, IMPLICIT)]).encode())
    await peer.pdu()
    monkeypatch.setattr(ProtocolChannel, "buffer_updated", counted)
    data = [b"\x08\0\x10\0\x40\0\0\0" + name * 64 for name in (b"A", b"B")]
    messages = [whole_command(3, store_rq(message_id)) + whole_data(3, data[message_id]) for message_id in (0, 1)]
    await peer.send(messages[0])
    await asyncio_world.until(lambda: looks_at)
    await peer.send(messages[1])
    await asyncio_world.until(lambda: received == sum(map(len, messages)))
    goes_on.set()
    for _ in messages:
        await peer.pdu()
    assert kept == data
    await peer.send(ABORT)
    await peer.close()


async def test_the_store_helper_keeps_what_arrives(world: World) -> None:
    store = Store()
    association = await storing(world, store, IMPLICIT)
    await done(association.send_c_store(instance()))
    assert len(store.data) == len(store.requests) == len(store.syntaxes) == 1
    await done(association.release())


async def test_an_instance_may_be_made_while_it_is_sent_by_code_that_uses_the_association(world: World) -> None:
    store = Store()
    contexts = storage(EXPLICIT)
    server = await world.serve(store.bindings, contexts=contexts)
    association = await world.associate(server, contexts=contexts)

    def pieces() -> Iterator[bytes]:
        yield b"ab"
        association.bind(evt.EVT_PDU_SENT, print)
        association.unbind(evt.EVT_PDU_SENT, print)
        if world.name == "blocking":
            # It takes the lock of the association.
            association.dimse_timeout = 5
            association.host.apart(lambda: None)
        yield b"cdef"

    source = EncodedDataSet(
        sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid="1.2.3.4", transfer_syntax_uid=EXPLICIT, data=pieces()
    )
    assert (await done(association.send_c_store(source))).Status == 0x0000
    assert store.data == [b"abcdef"]
    await done(association.release())


async def test_aborting_from_code_that_makes_an_instance_ends_the_transfer(world: World) -> None:
    contexts = storage(EXPLICIT)
    store = Store()
    server = await world.serve(store.bindings, contexts=contexts)
    association = await world.associate(server, contexts=contexts)

    def pieces() -> Iterator[bytes]:
        yield b"ab"
        association.kill()
        yield b"cdef"

    source = EncodedDataSet(
        sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid="1.2.3.4", transfer_syntax_uid=EXPLICIT, data=pieces()
    )
    assert "Status" not in await done(association.send_c_store(source))
    assert store.data == []


@pytest.mark.unrecorded
async def test_memory_does_not_grow_with_the_object_from_a_file_to_a_file(world: World, tmp_path: Path) -> None:
    """Both ends are in this process, so their allocations are counted together."""
    # An eighth is more than the buffers of both ends, three of a MiB, whether or not any are left from before.
    size = 32 << 20
    small, large = tmp_path / "small.dcm", tmp_path / "large.dcm"
    for path, length in ((small, 1 << 10), (large, size)):
        sent = instance(EXPLICIT)
        sent.PixelData = b""
        sent["PixelData"].VR = "OW"
        sent.save_as(path, enforce_file_format=True)
        with path.open("r+b") as file:
            # By hand, so that pydicom's memory is not counted either.
            file.seek(-4, os.SEEK_END)
            file.write(length.to_bytes(4, "little"))
            file.truncate(file.tell() + length)
    contexts = storage(EXPLICIT)
    handlers = [
        (evt.EVT_C_STORE_SINK, lambda event: tmp_path / "received.dcm"),
        (evt.EVT_C_STORE, lambda event: 0x0000),
    ]
    server = await world.serve(handlers, contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    assert (await done(association.send_c_store(small))).Status == 0x0000
    tracemalloc.start()
    try:
        assert (await done(association.send_c_store(large))).Status == 0x0000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "received.dcm").stat().st_size > size
    assert peak < size / 8
    await done(association.release())
