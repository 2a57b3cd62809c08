"""C-STORE as SCU: the request that is sent, how its data set goes out, and how many are under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from dicomwire import _config
from dicomwire.associations.negotiated_contexts import NegotiatedContexts
from dicomwire.associations.negotiation import NegotiatedContext
from dicomwire.associations.standing import Standing
from dicomwire.data.file_meta import encode_file_meta
from dicomwire.data.sources import EncodedDataSet
from dicomwire.dimse.command import Command
from dicomwire.operations.store_scu import Stores, send_c_store, send_c_store_many
from tests.support.encoded import BIG, CT, EXPLICIT, IMPLICIT, JPEG, Writer

DATA = Writer().uids("1.2.3")


class Response:
    """As much of one as is looked at."""

    def __init__(self, request: Command) -> None:
        self.command = Command(
            command_field=0x8001,
            message_id_being_responded_to=request.message_id,
            status=(0xB000 + (request.message_id or 0)) & 0xFFFF,
        )


class Invoker:
    """Takes requests, and answers those that are let through."""

    most = 1
    piece_size = 16

    def __init__(self, *syntaxes: str) -> None:
        self.contexts = NegotiatedContexts()
        accepted = [NegotiatedContext(2 * n + 1, CT, (uid,), 0, as_scu=True) for n, uid in enumerate(syntaxes)]
        self.contexts.set(accepted)
        self.invoker: Any = self
        self.line: Any = self
        self.exchange = nullcontext()
        self.standing = Standing()
        self.standing.is_established = True
        self.sent: list[tuple[int, Command, Any]] = []
        self.foreign: list[bool] = []
        self.called: list[Any] = []
        self.forgotten: list[Any] = []
        self.waits: list[int] = []
        self.answered: set[int] = set()
        self.loses = False

    def require_established(self) -> None:
        assert self.standing.is_established

    def choose_context(self, uid: str, syntax: str, *, exact: bool = False) -> NegotiatedContext:
        found = self.contexts.find(uid, syntax, exact=exact)
        if found is None:
            raise ValueError(f"no context for {uid} in {syntax}")
        return found

    async def send(self, context: NegotiatedContext, command: Command, data: Any) -> Command | None:
        self.sent.append((context.context_id, command, bytes(data)))
        return None if self.loses else command

    async def stream(self, context: Any, command: Command, pieces: Any, *, foreign: bool = False) -> Command | None:
        self.foreign.append(foreign)
        return await self.send(context, command, b"".join(bytes(piece) for piece, _ in pieces))

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        self.called.append(function.__name__)
        return function(*args)

    async def response(self, request: Command) -> Any:
        return None if self.standing.has_ended else Response(request)

    # -- several at a time
    def has_response(self, message_id: int) -> bool:
        return message_id in self.answered

    def free_message_id(self, wanted: int) -> int:
        return wanted

    def forget(self, message_id: int, context_id: int | None) -> None:
        self.forgotten.append((message_id, context_id))

    async def advance(self) -> None:
        """The last request that is under way is answered first."""
        self.waits.append(len(self.sent))
        waiting = {command.message_id or 0 for _, command, _ in self.sent} - self.answered
        self.answered.add(max(waiting))


def instance(syntax: str = EXPLICIT, *, implicit: bool | None = None, little: bool | None = None) -> Dataset:
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = CT, "1.2.3"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = UID(syntax)
    made._is_implicit_VR, made._is_little_endian = implicit, little
    return made


def encoded(instance: str) -> EncodedDataSet:
    return EncodedDataSet(
        data=Writer().uids(instance), transfer_syntax_uid=EXPLICIT, sop_class_uid=CT, sop_instance_uid=instance
    )


def stored(invoker: Invoker, what: Any, **options: Any) -> tuple[int, Command, Any]:
    given: Any = invoker
    status = asyncio.run(send_c_store(given, what, **options))
    assert status.Status == 0xB000 + options.get("msg_id", 1)
    return invoker.sent[-1]


def test_the_request_says_what_is_stored_and_whose_c_move_it_belongs_to() -> None:
    context_id, command, data = stored(Invoker(IMPLICIT, EXPLICIT), encoded("1.2.3"))
    assert (context_id, data) == (3, DATA)
    assert command == Command(
        command_field=1,
        message_id=1,
        priority=2,
        affected_sop_class_uid=CT,
        affected_sop_instance_uid="1.2.3",
        command_data_set_type=1,
    )
    options = {"msg_id": 7, "priority": 0, "originator_aet": "MOVER", "originator_id": 9}
    _, command, _ = stored(Invoker(EXPLICIT), instance(), **options)
    assert (command.message_id, command.priority) == (7, 0)
    assert (command.affected_sop_class_uid, command.affected_sop_instance_uid) == (CT, "1.2.3")
    assert command.move_originator_application_entity_title == "MOVER"
    assert (command.move_originator_message_id, command.command_data_set_type) == (9, 1)


@pytest.mark.parametrize("title", ["", "too long for a title", 7])
def test_a_title_that_is_none_is_left_out(title: Any, caplog: pytest.LogCaptureFixture) -> None:
    _, command, _ = stored(Invoker(EXPLICIT), instance(), originator_aet=title)
    assert command.move_originator_application_entity_title is None
    (record,) = caplog.records
    assert record.getMessage().startswith("originator AE title left out: ") and "originator_aet" in record.getMessage()


@pytest.mark.parametrize("wrong", [{"originator_id": -1}, {"msg_id": 65536}, {"priority": 3}])
def test_numbers_that_are_none_are_refused(wrong: dict[str, int]) -> None:
    invoker = Invoker(EXPLICIT)
    with pytest.raises(ValueError, match=str(*wrong.values())):
        stored(invoker, instance(), **wrong)
    assert invoker.sent == []


@pytest.mark.parametrize("name", ["SOPClassUID", "SOPInstanceUID"])
def test_a_uid_that_cannot_be_sent_is_named(name: str) -> None:
    what = instance()
    setattr(what, name, "")
    with pytest.raises(ValueError, match="SOP Class UID" if name == "SOPClassUID" else "SOP Instance UID"):
        stored(Invoker(EXPLICIT), what)


def test_with_strict_uids_what_others_take_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = encoded("1.02.3")
    assert stored(Invoker(EXPLICIT), odd)[1].affected_sop_instance_uid == "1.02.3"
    monkeypatch.setattr(_config, "ENFORCE_UID_CONFORMANCE", True)
    with pytest.raises(ValueError, match="SOP Instance UID"):
        stored(Invoker(EXPLICIT), odd)


@pytest.mark.parametrize(
    ("stated", "implicit", "little", "sent_as"),
    [
        (EXPLICIT, None, None, EXPLICIT),
        (EXPLICIT, False, True, EXPLICIT),
        (IMPLICIT, True, True, IMPLICIT),
        (EXPLICIT, True, True, IMPLICIT),
        (JPEG, True, True, IMPLICIT),
        (IMPLICIT, False, False, BIG),
        (BIG, False, False, BIG),
        ("1.2.3.4", True, True, "1.2.3.4"),
        (EXPLICIT, None, False, EXPLICIT),
        (EXPLICIT, True, None, EXPLICIT),
    ],
)
def test_how_a_data_set_is_encoded_counts_for_more_than_what_its_file_meta_says(
    stated: str, implicit: bool | None, little: bool | None, sent_as: str, caplog: pytest.LogCaptureFixture
) -> None:
    invoker, asked = Invoker(EXPLICIT), []

    def choose_context(uid: str, syntax: str, *, exact: bool = False) -> NegotiatedContext:
        asked.append((uid, syntax))
        return invoker.contexts.all[0]

    invoker.choose_context = choose_context  # type: ignore[method-assign]
    stored(invoker, instance(stated, implicit=implicit, little=little))
    assert asked == [(CT, sent_as)]
    told = [record.getMessage() for record in caplog.records]
    mismatch = f"the data set is encoded as {sent_as}, but its file meta says {stated}"
    assert told == ([] if sent_as == stated else [mismatch])


def test_how_pydicom_has_read_it_counts_where_nobody_has_changed_it() -> None:
    what = instance(EXPLICIT)
    what.set_original_encoding(True, True, None)
    del what._is_implicit_VR, what._is_little_endian
    assert stored(Invoker(EXPLICIT, IMPLICIT), what)[0] == 3


@pytest.mark.parametrize("stated", [IMPLICIT, BIG])
def test_explicit_little_endian_that_is_called_something_else_could_be_compressed(stated: str) -> None:
    with pytest.raises(AttributeError, match="encoded as explicit VR little endian"):
        stored(Invoker(EXPLICIT, IMPLICIT), instance(stated, implicit=False, little=True))


def test_without_a_transfer_syntax_nobody_knows_how_it_is_encoded() -> None:
    what = instance()
    del what.file_meta.TransferSyntaxUID
    with pytest.raises(AttributeError, match=r"needs file_meta\.TransferSyntaxUID"):
        stored(Invoker(EXPLICIT), what)
    del what.file_meta
    with pytest.raises(AttributeError, match=r"needs file_meta\.TransferSyntaxUID"):
        stored(Invoker(EXPLICIT), what)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    meta = encode_file_meta(
        sop_class_uid=CT,
        sop_instance_uid="1.2.3",
        transfer_syntax_uid=EXPLICIT,
        implementation_class_uid="1.2",
        implementation_version_name=None,
    )
    path = tmp_path / "file"
    path.write_bytes(meta + DATA)
    return path


@pytest.mark.parametrize("make", [str, Path, lambda path: path.read_bytes(), lambda path: BytesIO(path.read_bytes())])
def test_a_file_goes_out_as_it_is_or_converted(make: Callable[[Path], Any], file: Path) -> None:
    invoker = Invoker(IMPLICIT, EXPLICIT)
    assert stored(invoker, make(file))[::2] == (3, DATA)
    converted = stored(Invoker(IMPLICIT), make(file))
    assert converted[0] == 1 and converted[2] == Writer(IMPLICIT).uids("1.2.3")


def test_a_file_object_is_code_of_the_users(file: Path) -> None:
    with file.open("rb") as own:
        foreign = Foreign(own.read())
    invoker = Invoker(EXPLICIT)
    stored(invoker, foreign)
    assert (invoker.foreign, invoker.called) == ([True], ["opened"])
    other = Invoker(EXPLICIT)
    stored(other, str(file))
    assert True not in other.foreign and other.called == []
    foreign.seek(0)
    converting = Invoker(IMPLICIT)
    stored(converting, foreign)
    assert converting.called == ["opened", "decoded"]


class Foreign(BytesIO):
    """A file object of a class that nobody knows."""


@pytest.mark.parametrize("make", [str, Path])
def test_with_chunked_sending_nothing_is_converted(make: Any, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)
    assert stored(Invoker(EXPLICIT), make(file))[2] == DATA
    with pytest.raises(ValueError, match="no context"):
        stored(Invoker(IMPLICIT), make(file))


def test_where_the_association_has_ended_there_is_no_status() -> None:
    invoker: Any = Invoker(EXPLICIT)
    invoker.loses = True
    assert len(asyncio.run(send_c_store(invoker, instance()))) == 0
    invoker.loses = False
    invoker.standing.end("aborted", "over")
    invoker.standing.is_established = True
    assert len(asyncio.run(send_c_store(invoker, instance()))) == 0


# -- many -----------------------------------------------------------------------------------------------------------
def stores(invoker: Invoker, count: int, msg_id: int = 1, priority: int = 2) -> Stores[Any]:
    given: Any = invoker
    made = asyncio.run(send_c_store_many(given, [instance() for _ in range(count)], msg_id, priority))
    assert isinstance(made, Stores)
    return made


async def _taken(stream: Any) -> list[int | None]:
    return [status.get("Status") async for _, status in stream]


def test_as_many_are_under_way_as_the_window_lets_through() -> None:
    invoker = Invoker(EXPLICIT)
    invoker.most = 3
    statuses = asyncio.run(_taken(stores(invoker, 5, 65535, 1)))
    # Each time the last is answered; its place is taken at once.
    assert [command.message_id for _, command, _ in invoker.sent] == [65535, 0, 1, 2, 3]
    assert {command.priority for _, command, _ in invoker.sent} == {1}
    assert len(statuses) == 5 and None not in statuses
    assert invoker.waits == [3, 4, 5, 5, 5]


def test_each_instance_comes_with_its_own_status() -> None:
    invoker = Invoker(EXPLICIT)
    invoker.most = 2
    first, second, third = (instance() for _ in range(3))

    async def run() -> list[Any]:
        given: Any = invoker
        return [
            (which, status.Status) async for which, status in await send_c_store_many(given, [first, second, third])
        ]

    found = asyncio.run(run())
    assert sorted(status for _, status in found) == [0xB001, 0xB002, 0xB003]
    assert {id(which): status for which, status in found} == {id(first): 0xB001, id(second): 0xB002, id(third): 0xB003}


def test_what_was_under_way_when_it_ended_is_given_without_a_status() -> None:
    invoker = Invoker(EXPLICIT)
    invoker.most = 2

    async def advance() -> None:
        invoker.standing.end("aborted", "over")

    invoker.advance = advance  # type: ignore[method-assign]
    assert asyncio.run(_taken(stores(invoker, 5))) == [None, None]
    assert len(invoker.sent) == 2


def test_what_could_not_be_sent_any_more_is_given_without_a_status() -> None:
    invoker = Invoker(EXPLICIT)
    invoker.loses = True
    stream = stores(invoker, 2)

    async def one() -> Any:
        return await anext(stream)

    _, status = asyncio.run(one())
    assert len(status) == 0 and len(invoker.sent) == 1


def test_who_leaves_forgets_what_is_under_way() -> None:
    invoker = Invoker(EXPLICIT)
    invoker.most = 3
    stream = stores(invoker, 5)

    async def one() -> Any:
        return await anext(stream)

    asyncio.run(one())
    stream.leave()
    assert invoker.forgotten == [(1, None), (2, None)]
    assert asyncio.run(_taken(stream)) == []
    assert len(invoker.sent) == 3


@pytest.mark.parametrize("wrong", [{"msg_id": -1}, {"priority": 3}])
def test_the_numbers_of_many_are_checked_at_once(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=str(*wrong.values())):
        stores(Invoker(EXPLICIT), 0, **wrong)
