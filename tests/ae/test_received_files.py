"""What arrives: one file with one truth, no file lost, nothing kept that was refused."""

from __future__ import annotations

import gc
import logging
import os
import stat
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicomwire import Limits, _config, evt
from dicomwire.associations.received_message import ReceivedMessage
from dicomwire.data.data_set_beginning import NoDataSet
from dicomwire.data.file_meta import encode_file_meta
from dicomwire.data.receiving_folder import Folder
from dicomwire.data.store import FileStore
from dicomwire.dsutils import encode_dataset
from dicomwire.sinks import FileSink, MemorySink
from tests.support.adapters import CT_IMAGE_STORAGE, Peer, World, done, keep
from tests.support.getting import GET, collect, getting, image
from tests.support.sessions import COMMAND, DATA, LAST, p_data, pdv, proposal, request, store_rq
from tests.support.storing import EXPLICIT, IMPLICIT, storage
from tests.support.streams import ABORT

CONTEXTS = storage(EXPLICIT)
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 40


def instance(patient: str = "P1", size: int = 2000, syntax: str = EXPLICIT) -> bytes:
    """An encoded data set, larger with ``size``."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID, ds.PatientID = CT_IMAGE_STORAGE, "1.2.3", patient
    ds.add_new(0x7FE00010, "OW", bytes(size))
    return encode_dataset(ds, syntax == IMPLICIT, True)


def meta(syntax: str) -> bytes:
    return encode_file_meta(
        sop_class_uid=CT_IMAGE_STORAGE,
        sop_instance_uid="9.9",
        transfer_syntax_uid=syntax,
        implementation_class_uid="1.2.3.4",
        implementation_version_name=None,
    )


FRONTS = {
    "group 2": meta(IMPLICIT)[132:],
    "group 2, implicit": b"\x02\0\x10\0\x12\0\0\x001.2.840.10008.1.2\0",
    "file": meta(EXPLICIT),
}


class Sender:
    """Sends bytes as data sets, without looking at them."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    @classmethod
    async def to(cls, world: World, server: Any, syntax: str = EXPLICIT) -> Sender:
        peer = await world.connect(server)
        await peer.send(request([proposal(3, CT_IMAGE_STORAGE, syntax)]).encode())
        assert (await peer.pdu())[0] == 2
        return cls(peer)

    async def begin(self, data: bytes, message_id: int = 1) -> None:
        await self._peer.send(p_data(pdv(3, COMMAND | LAST, store_rq(message_id)), pdv(3, DATA, data)))

    async def store(self, data: bytes, size: int = 16_000, message_id: int = 1) -> int:
        """The status; the data set goes in pieces of ``size`` bytes."""
        pieces = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
        command = p_data(pdv(3, COMMAND | LAST, store_rq(message_id)))
        parts = [p_data(pdv(3, DATA, piece)) for piece in pieces[:-1]]
        await self._peer.send(b"".join([command, *parts, p_data(pdv(3, DATA | LAST, pieces[-1]))]))
        return await self.status()

    async def status(self) -> int:
        answer = await self._peer.pdu()
        at = answer.index(b"\0\0\0\x09\x02\0\0\0") + 8
        return int.from_bytes(answer[at : at + 2], "little")

    async def abort(self) -> None:
        await self._peer.send(ABORT)
        await self._peer.close()


def listing(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


async def ended(world: World, server: Any) -> None:
    await world.until(lambda: not server.active_associations)


# -- one truth -------------------------------------------------------------------------------------------------------
FILE_META_IN_FRONT = pytest.mark.parametrize(
    ("front", "size"), [("group 2", 1), ("group 2, implicit", 16_000), ("file", 100)]
)


async def received_behind(front: str, size: int, world: World, handlers: Any) -> bytes:
    """The data set that was sent behind some file meta information, and that ``handlers`` have taken."""
    server = await world.serve(handlers, contexts=CONTEXTS)
    sender = await Sender.to(world, server)
    data = instance()
    assert await sender.store(FRONTS[front] + data, size) == 0
    await sender.abort()
    await ended(world, server)
    return data


@FILE_META_IN_FRONT
@pytest.mark.parametrize("where", ["path", "str", "folder"])
async def test_a_file_has_its_own_file_meta_information_and_not_what_came_in_front_of_the_data_set(
    world: World, tmp_path: Path, where: str, front: str, size: int
) -> None:
    path: Any = tmp_path / "1.2.3.4.dcm"
    target = str(path) if where == "str" else path
    handlers: list[Any] = [(evt.EVT_C_STORE, lambda event: 0), (evt.EVT_C_STORE_SINK, lambda event: target)]
    data = await received_behind(front, size, world, Folder(tmp_path).handlers() if where == "folder" else handlers)
    (name,) = listing(tmp_path)
    assert name == "1.2.3.4.dcm" or where == "folder"
    content = (tmp_path / name).read_bytes()
    assert content.endswith(data) and content.count(b"1.2.840.10008.1.2") == 1
    assert dcmread(tmp_path / name).PatientID == "P1"


@FILE_META_IN_FRONT
@pytest.mark.parametrize("where", ["file", "bytearray", "callback"])
async def test_file_meta_information_in_front_of_a_data_set_does_not_reach_a_sink(
    world: World, tmp_path: Path, where: str, front: str, size: int
) -> None:
    gathered, file, pieces = bytearray(), BytesIO(), []
    targets: dict[str, Any] = {
        "file": file,
        "bytearray": gathered,
        "callback": lambda piece: pieces.append(bytes(piece)),
    }
    handlers: list[Any] = [(evt.EVT_C_STORE, lambda event: 0), (evt.EVT_C_STORE_SINK, lambda event: targets[where])]
    data = await received_behind(front, size, world, handlers)
    received = {"file": file.getvalue(), "bytearray": bytes(gathered), "callback": b"".join(pieces)}
    assert received[where] == data


@FILE_META_IN_FRONT
@pytest.mark.parametrize("where", ["memory", "chunked", "path", "str"])
async def test_a_handler_sees_no_file_meta_information_that_came_in_front_of_a_data_set(
    world: World, tmp_path: Path, where: str, front: str, size: int
) -> None:
    _config.STORE_RECV_CHUNKED_DATASET = where == "chunked"
    seen: dict[str, Any] = {}

    def store(event: evt.Event) -> int:
        seen["dataset"] = event.dataset
        seen["bare"] = event.encoded_dataset(include_meta=False)
        seen["file"] = event.encoded_dataset()
        if where == "memory":
            seen["request"] = event.request.DataSet.getvalue()
        return 0

    handlers: list[Any] = [(evt.EVT_C_STORE, store)]
    if where in ("path", "str"):
        path = tmp_path / "1.2.3.4.dcm"
        handlers.append((evt.EVT_C_STORE_SINK, lambda event: path if where == "path" else str(path)))
    data = await received_behind(front, size, world, handlers)
    assert seen["bare"] == data and seen.get("request", data) == data
    assert seen["dataset"].PatientID == "P1"
    assert not seen["dataset"].group_dataset(2)
    assert dcmread(BytesIO(seen["file"])).file_meta.TransferSyntaxUID == EXPLICIT


@pytest.mark.parametrize(
    ("data", "size"),
    [
        pytest.param(PNG, 1000, id="png"),
        pytest.param(instance(syntax=IMPLICIT), 1, id="implicit"),
        pytest.param(meta(EXPLICIT) + PNG, 16_000, id="file"),
    ],
)
@pytest.mark.parametrize("where", ["path", "file", "bytearray", "callback", "chunked", "folder", "sink"])
async def test_what_is_no_data_set_is_refused_before_anybody_is_asked_to_store_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, data: bytes, size: int
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    _config.STORE_RECV_CHUNKED_DATASET = where == "chunked"
    told: list[str] = []
    gathered = bytearray()

    class Mine:
        def write(self, fragments: list[memoryview]) -> None:
            told.append("write")

        def close(self) -> None:
            told.append("close")

        def discard(self) -> None:
            told.append("discard")

    targets: dict[str, Callable[[], Any]] = {
        "path": lambda: tmp_path / "new.dcm",
        "file": BytesIO,
        "bytearray": lambda: gathered,
        "callback": lambda: lambda piece: None,
        "sink": Mine,
    }
    stored: list[Any] = []
    handlers: list[Any] = [(evt.EVT_C_STORE, lambda event: keep(stored, event.message_id))]
    if where in targets:
        handlers.append((evt.EVT_C_STORE_SINK, lambda event: targets[where]()))
    server = await world.serve(Folder(tmp_path).handlers() if where == "folder" else handlers, contexts=CONTEXTS)
    sender = await Sender.to(world, server)
    assert await sender.store(data, size) == 0x0210
    assert listing(tmp_path) == [] and not gathered
    assert told == (["discard"] if where == "sink" else [])
    assert await sender.store(instance(), message_id=2) == 0
    assert stored == ([] if where == "folder" else [2])
    await sender.abort()


async def test_in_memory_what_is_no_data_set_is_only_found_out_by_looking(world: World) -> None:
    looks: list[Callable[[evt.Event], Any]] = [
        lambda event: event.dataset,
        lambda event: event.encoded_dataset(),
        lambda event: event.encoded_dataset(include_meta=False),
        lambda event: event.request.DataSet.getvalue(),
    ]
    seen: list[Any] = []

    def store(event: evt.Event) -> int:
        seen.append(looks[event.message_id](event))
        return 0

    server = await world.serve([(evt.EVT_C_STORE, store)], contexts=CONTEXTS)
    sender = await Sender.to(world, server)
    assert [await sender.store(PNG, message_id=number) for number in range(4)] == [0x0210, 0x0210, 0, 0]
    assert seen == [PNG, PNG]
    await sender.abort()


async def test_a_sink_that_wants_everything_gets_everything(world: World) -> None:
    got: list[bytes] = []

    class Raw:
        as_it_came = True

        def write(self, fragments: list[memoryview]) -> None:
            got.extend(map(bytes, fragments))

        def close(self) -> None: ...

        def discard(self) -> None: ...

    handlers = [(evt.EVT_C_STORE_SINK, lambda event: Raw()), (evt.EVT_C_STORE, lambda event: 0)]
    server = await world.serve(handlers, contexts=CONTEXTS)
    sender = await Sender.to(world, server)
    assert await sender.store(PNG) == 0
    assert await sender.store(meta(EXPLICIT) + instance()) == 0
    assert b"".join(got) == PNG + meta(EXPLICIT) + instance()
    await sender.abort()


@pytest.mark.parametrize("where", ["path", "memory", "folder"])
async def test_an_empty_data_set_is_stored(world: World, tmp_path: Path, where: str) -> None:
    handlers: list[Any] = [(evt.EVT_C_STORE, lambda event: len(event.dataset))]
    if where == "path":
        handlers.append((evt.EVT_C_STORE_SINK, lambda event: tmp_path / "new.dcm"))
    server = await world.serve(Folder(tmp_path).handlers() if where == "folder" else handlers, contexts=CONTEXTS)
    sender = await Sender.to(world, server)
    assert await sender.store(b"") == 0
    await sender.abort()


def test_no_data_set_is_a_value_error() -> None:
    assert issubclass(NoDataSet, ValueError)


# -- no file lost ----------------------------------------------------------------------------------------------------
def patient(path: Path) -> str:
    return str(dcmread(path).PatientID)


async def filing(world: World, path: Any, store: Callable[[evt.Event], Any] = lambda event: 0) -> Any:
    """A server that puts everything under one name."""
    handlers = [(evt.EVT_C_STORE_SINK, lambda event: path), (evt.EVT_C_STORE, store)]
    return await world.serve(handlers, contexts=CONTEXTS)


@pytest.mark.parametrize("kind", [Path, str])
async def test_a_file_is_kept_until_the_new_one_is_whole(world: World, tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "1.2.3.dcm"
    server = await filing(world, kind(path))
    sender = await Sender.to(world, server)
    assert await sender.store(instance("FIRST")) == 0
    await sender.begin(instance("SECOND", 5000)[:1000])
    await world.until(lambda: len(listing(tmp_path)) == 2)
    (part,) = set(listing(tmp_path)) - {path.name}
    assert part.startswith(".") and part.endswith(".part")
    await sender.abort()
    await ended(world, server)
    await world.until(lambda: listing(tmp_path) == [path.name])
    assert patient(path) == "FIRST"
    sender = await Sender.to(world, server)
    assert await sender.store(instance("THIRD")) == 0
    assert patient(path) == "THIRD" and listing(tmp_path) == [path.name]
    await sender.abort()


@pytest.mark.parametrize("how", ["status", "raises", "moved", "removed"])
async def test_a_refused_file_does_not_replace_the_one_before(world: World, tmp_path: Path, how: str) -> None:
    path = tmp_path / "1.2.3.dcm"
    seen: list[str] = []

    def store(event: evt.Event) -> int:
        assert event.dataset_path is not None and event.dataset_path == path
        seen.append(patient(event.dataset_path))
        if len(seen) == 1:
            return 0
        if how == "raises":
            raise RuntimeError("the handler is broken")
        if how == "moved":
            event.dataset_path.rename(tmp_path / "refused")
        if how == "removed":
            event.dataset_path.unlink()
        return 0xA900

    server = await filing(world, path, store)
    sender = await Sender.to(world, server)
    assert await sender.store(instance("FIRST")) == 0
    assert await sender.store(instance("SECOND")) == (0xC211 if how == "raises" else 0xA900)
    assert seen == ["FIRST", "SECOND"]
    assert patient(path) == "FIRST"
    assert listing(tmp_path) == [path.name, *(["refused"] if how == "moved" else [])]
    await sender.abort()


async def test_a_refused_file_with_none_before_it_is_the_handlers(world: World, tmp_path: Path) -> None:
    path = tmp_path / "1.2.3.dcm"
    server = await filing(world, path, lambda event: 0xA900)
    sender = await Sender.to(world, server)
    assert await sender.store(instance("FIRST")) == 0xA900
    assert patient(path) == "FIRST"
    await sender.abort()


@pytest.mark.parametrize("takes", [True, False], ids=["handler-moves-it", "handler-leaves-it"])
async def test_two_under_one_name_do_not_meet(world: World, tmp_path: Path, takes: bool) -> None:
    """While a handler looks at its file, another request brings one of the same name, whose handler sees that one."""
    path = tmp_path / "one.part"
    seen: dict[int, tuple[str, str]] = {}
    first, second = world.signal(), world.signal()

    async def store(event: evt.Event) -> int:
        number = event.message_id
        if number == 1:
            first.set()
            await second.wait()
        assert event.dataset_path is not None
        seen[number] = patient(event.dataset_path), str(event.dataset.PatientID)
        if takes:
            event.dataset_path.rename(tmp_path / f"{number}.dcm")
        return 0

    server = await filing(world, path, store)
    one, two = await Sender.to(world, server), await Sender.to(world, server)
    answer = world.start(lambda: one.store(instance("ONE"), message_id=1))
    await first.wait()
    assert await two.store(instance("TWO"), message_id=2) == 0
    second.set()
    assert await answer.result() == 0
    assert seen == {1: ("ONE", "ONE"), 2: ("TWO", "TWO")}
    if takes:
        assert listing(tmp_path) == ["1.dcm", "2.dcm"]
        assert [patient(tmp_path / f"{number}.dcm") for number in (1, 2)] == ["ONE", "TWO"]
    else:
        # The one that was acknowledged last.
        assert listing(tmp_path) == ["one.part"] and patient(path) == "ONE"
    for sender in (one, two):
        await sender.abort()


async def test_what_is_refused_does_not_touch_another_of_its_name(world: World, tmp_path: Path) -> None:
    path = tmp_path / "1.2.3.dcm"
    first, second = world.signal(), world.signal()

    async def store(event: evt.Event) -> int:
        if event.message_id == 2:
            return 0xA900
        if event.message_id == 1:
            first.set()
            await second.wait()
        return 0

    server = await filing(world, path, store)
    one, two = await Sender.to(world, server), await Sender.to(world, server)
    assert await one.store(instance("BEFORE"), message_id=3) == 0
    answer = world.start(lambda: one.store(instance("ONE"), message_id=1))
    await first.wait()
    assert await two.store(instance("TWO"), message_id=2) == 0xA900
    second.set()
    assert await answer.result() == 0
    assert patient(path) == "ONE" and listing(tmp_path) == [path.name]
    for sender in (one, two):
        await sender.abort()


@pytest.mark.parametrize("what", ["folder", "missing", "link", "file", "unwritable"])
async def test_a_path_that_cannot_be_written_is_out_of_resources(world: World, tmp_path: Path, what: str) -> None:
    path = tmp_path / "x"
    (tmp_path / "precious").write_bytes(b"precious")
    if what == "folder":
        path.mkdir()
    elif what == "missing":
        path = tmp_path / "missing" / "x"
    elif what == "link":
        path.symlink_to(tmp_path / "precious")
    elif what == "file":
        path = tmp_path / "precious" / "x"
    else:
        path = tmp_path / ("x" * 300)
    before = listing(tmp_path)
    paths = [path, tmp_path / "good.dcm"]
    stored: list[int] = []
    handlers = [
        (evt.EVT_C_STORE_SINK, lambda event: paths.pop(0)),
        (evt.EVT_C_STORE, lambda event: keep(stored, event.message_id)),
    ]
    server = await world.serve(handlers, contexts=CONTEXTS)
    sender = await Sender.to(world, server)
    assert await sender.store(instance(size=100_000)) == 0xA700
    assert listing(tmp_path) == before and (tmp_path / "precious").read_bytes() == b"precious"
    assert await sender.store(instance(), message_id=2) == 0
    assert stored == [2] and patient(tmp_path / "good.dcm") == "P1"
    await sender.abort()


@pytest.mark.parametrize("fails", ["write", "replace"])
async def test_a_full_disk_leaves_what_was_there(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    path = tmp_path / "1.2.3.dcm"
    server = await filing(world, path)
    sender = await Sender.to(world, server)
    assert await sender.store(instance("FIRST")) == 0

    def full(*args: Any) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        if fails == "write":
            patched.setattr(FileStore, "write", full)
        else:
            patched.setattr(os, "replace", full)
        assert await sender.store(instance("SECOND")) == 0xA700
    assert patient(path) == "FIRST" and listing(tmp_path) == [path.name]
    assert await sender.store(instance("THIRD")) == 0
    assert patient(path) == "THIRD" and listing(tmp_path) == [path.name]
    await sender.abort()


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
async def test_a_file_is_nobody_elses_unless_the_ae_says_so(world: World, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        for number, files in enumerate([None, FileStore(file_mode=0o640, sync="file and folder")]):
            path = tmp_path / f"{number}.dcm"
            server = await filing(world, path)
            server.ae.file_store = files
            sender = await Sender.to(world, server)
            assert await sender.store(instance()) == 0
            assert stat.S_IMODE(path.stat().st_mode) == (0o600 if files is None else 0o640)
            # Who may read what is under this name stays as it was.
            path.chmod(0o604)
            assert await sender.store(instance("SECOND")) == 0
            assert stat.S_IMODE(path.stat().st_mode) == 0o604 and patient(path) == "SECOND"
            await sender.abort()
    finally:
        os.umask(before)


# -- nothing kept ----------------------------------------------------------------------------------------------------
@pytest.fixture
def no_collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No cycle collector; log records are made and then dropped, for they hold what was raised."""
    monkeypatch.setattr(logging.Logger, "callHandlers", lambda *args: None)
    gc.collect()
    _OTHERS.extend(alive())
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        _OTHERS.clear()


_OTHERS: list[Any] = []
"""What tests before have left: the report of one that failed holds its frames."""


def alive() -> list[Any]:
    kinds = (MemorySink, FileSink, ReceivedMessage)
    others = set(map(id, _OTHERS))
    return [item for item in gc.get_objects() if issubclass(type(item), kinds) and id(item) not in others]


class Broken:
    """A sink that fails."""

    def __init__(self, error: type[Exception]) -> None:
        self._error = error

    def write(self, fragments: list[memoryview]) -> None:
        raise self._error("full")

    def close(self) -> None: ...

    def discard(self) -> None: ...


def _raises(event: evt.Event) -> int:
    raise RuntimeError(event.dataset)


@pytest.mark.parametrize(
    ("choose", "store", "data", "status"),
    [
        pytest.param(None, lambda event: 0, instance(size=3 << 20), 0xA700, id="limit"),
        pytest.param(None, lambda event: 0, instance(), 0, id="stored"),
        pytest.param(None, lambda event: 0xA900, instance(), 0xA900, id="refused"),
        pytest.param(None, _raises, instance(), 0xC211, id="handler-raises"),
        pytest.param(None, lambda event: len(event.dataset), PNG, 0x0210, id="no-data-set"),
        pytest.param(lambda path: path / "x", lambda event: 0, PNG, 0x0210, id="no-data-set-to-a-path"),
        pytest.param(lambda path: path / "no" / "x", lambda event: 0, instance(), 0xA700, id="no-folder"),
        pytest.param(lambda path: Broken(OSError), lambda event: 0, instance(), 0xA700, id="sink-fails"),
        pytest.param(lambda path: Broken(KeyError), lambda event: 0, instance(), 0xC211, id="sink-raises"),
        pytest.param(lambda path: 7, lambda event: 0, instance(), 0xC211, id="no-sink"),
        pytest.param(lambda path: path / "x", lambda event: 0xA900, instance(), 0xA900, id="refused-path"),
        pytest.param(lambda path: path / "x", lambda event: 0, instance()[:-1], None, id="cut-off-path"),
        pytest.param(None, lambda event: 0, instance()[:-1], None, id="cut-off"),
        pytest.param("folder", None, PNG, 0x0210, id="folder"),
        pytest.param("no-folder", None, instance(), 0xA700, id="folder-is-missing"),
    ],
)
@pytest.mark.usefixtures("no_collector")
async def test_a_data_set_is_let_go_at_once(
    world: World, tmp_path: Path, choose: Any, store: Any, data: bytes, status: int | None
) -> None:
    ae = world.ae()
    ae.limits = Limits(data_set=1 << 20)
    handlers: list[Any] = [(evt.EVT_C_STORE, store)]
    if isinstance(choose, str):
        handlers = Folder(tmp_path if choose == "folder" else tmp_path / "missing").handlers()
    elif choose is not None:
        handlers.append((evt.EVT_C_STORE_SINK, lambda event: choose(tmp_path)))
    server = await world.serve(handlers, contexts=CONTEXTS, ae=ae)
    sender = await Sender.to(world, server)
    if status is None:
        await sender.begin(data)
        await world.until(alive)
    else:
        assert await sender.store(data) == status
        # Where the handler is in another thread, it may not have returned yet.
        await world.until(lambda: not alive())
    await sender.abort()
    await ended(world, server)
    await world.until(lambda: not alive())


@pytest.mark.parametrize("kind", ["limit", "sink", "handler", "stored"])
@pytest.mark.usefixtures("no_collector")
async def test_what_came_by_c_get_is_let_go_at_once(world: World, kind: str) -> None:
    client = world.ae("CLIENT")
    client.limits = Limits(data_set=10 if kind == "limit" else 1 << 20)

    def send(event: evt.Event) -> Iterator[Any]:
        yield 1
        yield 0xFF00, image()

    store = _raises if kind == "handler" else lambda event: 0
    association = await getting(world, send, store, client_ae=client)
    if kind == "sink":
        association.bind(evt.EVT_C_STORE_SINK, lambda event: Broken(OSError))
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", "1.2"
    responses = await collect(association.send_c_get(query, GET))
    assert responses[-1][1][1:3] == ((1, 0) if kind == "stored" else (0, 1))
    del responses
    await done(association.release())
    await world.until(lambda: not [item for item in alive() if not isinstance(item, ReceivedMessage) or item.file])
