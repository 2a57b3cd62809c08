"""What is sent names what it holds, whatever it was given as, and by whichever service."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from dicomwire import build_context, contexts_for, evt
from tests.support.adapters import CT_IMAGE_STORAGE, World, done
from tests.support.bare import Reader, bare
from tests.support.encoded import EXPLICIT, IMPLICIT, JPEG, Writer, data_set, dicom_file, file_meta
from tests.support.finding import match
from tests.support.getting import FAIL, GET, Statuses, collect, getting, outcome, sending
from tests.support.moving import HERE, MOVE, moving
from tests.support.storing import Store, storage, storing

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
OLD, NEW = "9.9.9", "1.2.826.0.1.42"

DATA = data_set(IMPLICIT, NEW)
FILE = dicom_file(DATA, file_meta(instance=OLD, syntax=IMPLICIT))
"""Whoever gave it a new identity has left the file meta information as it was."""

MISLABELLED = dicom_file(data_set(EXPLICIT, NEW), file_meta(instance=OLD, syntax=IMPLICIT))


def saved(folder: Path, content: bytes = FILE) -> Path:
    path = folder / "instance.dcm"
    path.write_bytes(content)
    return path


def zipped(folder: Path) -> Any:
    return gzip.GzipFile(fileobj=BytesIO(gzip.compress(FILE)))


FORMS: dict[str, Callable[[Path], Any]] = {
    "data set": lambda folder: dcmread(saved(folder)),
    "path": saved,
    "str": lambda folder: str(saved(folder)),
    "bytes": lambda folder: FILE,
    "bytearray": lambda folder: bytearray(FILE),
    "memoryview": lambda folder: memoryview(FILE),
    "file": lambda folder: BytesIO(FILE),
    "gzip": zipped,
    "reader": lambda folder: Reader(FILE),
    "encoded bytes": lambda folder: bare(DATA, IMPLICIT, instance=OLD),
    "encoded file": lambda folder: bare(BytesIO(DATA), IMPLICIT, instance=OLD),
    "encoded pieces": lambda folder: bare(iter([DATA[:5], DATA[5:]]), IMPLICIT, instance=OLD),
}
EVERY_FORM = pytest.mark.parametrize("form", FORMS)


def announced(store: Store) -> list[str]:
    return [str(request.AffectedSOPInstanceUID) for request in store.requests]


@EVERY_FORM
async def test_the_request_names_the_instance_that_the_data_set_is(world: World, tmp_path: Path, form: str) -> None:
    store = Store()
    association = await storing(world, store, IMPLICIT)
    assert (await done(association.send_c_store(FORMS[form](tmp_path)))).Status == 0x0000
    assert announced(store) == [NEW]
    assert store.data == [DATA]
    await done(association.release())


async def test_many_are_named_each_by_its_data_set(world: World, tmp_path: Path) -> None:
    store = Store()
    association = await storing(world, store, IMPLICIT)
    stream = await done(association.send_c_store_many([make(tmp_path) for make in FORMS.values()]))
    pairs = [pair async for pair in stream] if hasattr(stream, "__anext__") else list(stream)
    assert [status.Status for _, status in pairs] == [0x0000] * len(FORMS)
    assert announced(store) == [NEW] * len(FORMS)
    await done(association.release())


@EVERY_FORM
@pytest.mark.parametrize("status", [0x0000, FAIL])
async def test_a_get_handler_may_yield_it_and_the_list_of_failures_names_it(
    world: World, tmp_path: Path, form: str, status: Any
) -> None:
    store = Statuses(status)
    association = await getting(world, sending(1, FORMS[form](tmp_path)), store)
    last = (await collect(association.send_c_get(match(), GET)))[-1]
    expected = (0xA702, (None, 0, 1, 0), [NEW]) if status else (0x0000, (None, 1, 0, 0), None)
    assert last == expected
    assert announced(store) == [NEW]
    assert store.data == [DATA]
    await done(association.release())


@EVERY_FORM
@pytest.mark.parametrize("status", [0x0000, FAIL])
async def test_a_move_handler_may_yield_it_and_the_list_of_failures_names_it(
    world: World, tmp_path: Path, form: str, status: Any
) -> None:
    store = Statuses(status)
    association = await moving(world, sending(HERE, 1, FORMS[form](tmp_path)), store)
    responses = await done(association.send_c_move(match(), "STORE", MOVE))
    pairs = [pair async for pair in responses] if hasattr(responses, "__anext__") else list(responses)
    expected = (0xA702, (None, 0, 1, 0), [NEW]) if status else (0x0000, (None, 1, 0, 0), None)
    assert outcome(*pairs[-1]) == expected
    assert announced(store) == [NEW]
    assert store.data == [DATA]
    await done(association.release())


@pytest.mark.parametrize("as_path", [True, False])
async def test_what_cannot_be_sent_is_in_the_list_of_failures_under_its_name(
    world: World, tmp_path: Path, as_path: bool
) -> None:
    store = Store()
    path = saved(tmp_path, MISLABELLED)
    association = await getting(world, sending(2, path if as_path else MISLABELLED, FILE), store)
    assert (await collect(association.send_c_get(match(), GET)))[-1] == (0xB000, (None, 1, 1, 0), [NEW])
    assert announced(store) == [NEW] and store.data == [DATA]
    await done(association.release())


async def test_a_mislabelled_file_is_an_error_and_the_association_stays(world: World, tmp_path: Path) -> None:
    store = Store()
    association = await storing(world, store, IMPLICIT)
    for source in (saved(tmp_path, MISLABELLED), MISLABELLED, BytesIO(MISLABELLED)):
        with pytest.raises(ValueError, match="said to be Implicit VR Little Endian, but its data set is encoded as"):
            await done(association.send_c_store(source))
    assert store.requests == []
    assert (await done(association.send_c_store(FILE))).Status == 0x0000
    await done(association.release())


@pytest.mark.parametrize(
    "meta",
    [
        pytest.param(b"", id="none"),
        pytest.param(file_meta(sop_class=None), id="no-class"),
        pytest.param(file_meta(instance=None), id="no-instance"),
        pytest.param(file_meta(syntax=None), id="no-syntax"),
        pytest.param(file_meta(sop_class=f"{CT_IMAGE_STORAGE} (CT Image Storage)"), id="name-behind-the-uid"),
        pytest.param(file_meta() + file_meta(syntax=JPEG, instance=OLD, sop_class=OLD), id="two"),
        pytest.param(file_meta(length=7), id="wrong-length"),
    ],
)
@pytest.mark.parametrize("takes", [EXPLICIT, IMPLICIT])
async def test_a_file_is_sent_if_its_data_set_has_what_its_file_meta_lacks(
    world: World, tmp_path: Path, meta: bytes, takes: str
) -> None:
    content = data_set(EXPLICIT, NEW)
    path = saved(tmp_path, dicom_file(content, meta))
    (context,) = contexts_for(path)
    assert (context.abstract_syntax, context.transfer_syntax) == (CT_IMAGE_STORAGE, [EXPLICIT])
    store = Store()
    association = await storing(world, store, takes)
    for source in (path, path.read_bytes(), BytesIO(path.read_bytes()), Reader(path.read_bytes())):
        assert (await done(association.send_c_store(source))).Status == 0x0000
    assert announced(store) == [NEW] * 4
    expected = content
    if takes == IMPLICIT:
        write = Writer(IMPLICIT)
        expected = data_set(IMPLICIT, NEW)
        assert write.uids(NEW) in expected
    assert store.data == [expected] * 4
    await done(association.release())


# -- even fragments -----------------------------------------------------------------------------------------------
ODD, EVEN = (
    Writer(IMPLICIT).uids(NEW) + Writer(IMPLICIT)(0x00100020, "LO", text) + Writer(IMPLICIT)(0x00204000, "LT", "more")
    for text in ("ODD", "ODD ")
)

DAMAGED_AND_ODD = EVEN + b"\n"


@pytest.mark.parametrize("form", ["path", "bytes", "file", "reader", "encoded", "pieces", "data set"])
async def test_an_odd_value_is_padded_where_it_stands(world: World, tmp_path: Path, form: str) -> None:
    content = dicom_file(ODD, file_meta(syntax=IMPLICIT))
    path = saved(tmp_path, content)
    source: Any = {
        "path": path,
        "bytes": content,
        "file": BytesIO(content),
        "reader": Reader(content),
        "encoded": bare(ODD, IMPLICIT),
        "pieces": bare([ODD[:9], ODD[9:]], IMPLICIT),
        "data set": dcmread(path),
    }[form]
    store = Store()
    association = await storing(world, store, IMPLICIT)
    assert (await done(association.send_c_store(source))).Status == 0x0000
    assert store.data == [EVEN]
    await done(association.release())


async def test_a_damaged_one_of_odd_length_is_refused_before_anything_is_sent(world: World, tmp_path: Path) -> None:
    content = dicom_file(DAMAGED_AND_ODD, file_meta(syntax=IMPLICIT))
    store = Store()
    association = await storing(world, store, IMPLICIT)
    for source in (saved(tmp_path, content), content, BytesIO(content), bare(DAMAGED_AND_ODD, IMPLICIT)):
        with pytest.raises(ValueError, match="cannot be padded: it ends in the middle of an element"):
            await done(association.send_c_store(source))
    assert (await done(association.send_c_store(FILE))).Status == 0x0000
    assert store.data == [DATA]
    await done(association.release())


async def test_what_turns_out_damaged_at_its_end_ends_the_association_and_is_not_stored(world: World) -> None:
    """Nobody knows before how long it is, and there is no other way to take back what has gone out."""
    store = Store()
    association = await storing(world, store, IMPLICIT)

    def pieces() -> Iterator[bytes]:
        yield DAMAGED_AND_ODD[:-1]
        yield DAMAGED_AND_ODD[-1:]

    with pytest.raises(ValueError, match="odd length"):
        await done(association.send_c_store(bare(pieces(), IMPLICIT)))
    assert not association.is_established
    assert store.data == []


async def test_identifiers_and_matches_given_as_bytes_are_even(world: World) -> None:
    write = Writer(IMPLICIT)
    odd, even = (write(0x00080052, "CS", "STUDY ") + write(0x00100020, "LO", text) for text in ("ODD", "ODD "))
    asked: list[bytes] = []

    def find(event: evt.Event) -> Iterator[Any]:
        asked.append(event.request.Identifier.getvalue())
        yield 0xFF00, odd

    contexts = [build_context(FIND, IMPLICIT)]
    server = await world.serve([(evt.EVT_C_FIND, find)], contexts=contexts)
    lengths: list[int] = []
    association = await world.associate(server, contexts=contexts)
    association.bind(evt.EVT_DIMSE_RECV, lambda event: lengths.append(_length(event.message)))
    responses = await done(association.send_c_find(odd, FIND))
    pairs = [pair async for pair in responses] if hasattr(responses, "__anext__") else list(responses)
    assert asked == [even]
    assert pairs[0][1].PatientID == "ODD"
    assert lengths[0] == len(even)
    with pytest.raises(ValueError, match="odd length and cannot be padded"):
        await done(association.send_c_find(even + b"\n", FIND))
    await done(association.release())


def _length(message: Any) -> int:
    return 0 if message.data_set is None else len(message.data_set.getvalue())


MPPS = "1.2.840.10008.3.1.2.3.3"


async def test_data_sets_of_the_normalized_services_given_as_bytes_are_even(world: World) -> None:
    write = Writer(IMPLICIT)
    odd, even = (write(0x00400253, "SH", text) for text in ("ODD", "ODD "))
    seen: list[bytes] = []

    def create(event: evt.Event) -> Any:
        seen.append(event.request.AttributeList.getvalue())
        return 0x0000, odd

    contexts = [build_context(MPPS, IMPLICIT)]
    server = await world.serve([(evt.EVT_N_CREATE, create)], contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    status, reply = await done(association.send_n_create(odd, MPPS, "1.2.3"))
    assert status.Status == 0x0000
    assert seen == [even]
    assert reply.PerformedProcedureStepID == "ODD"
    await done(association.release())


async def test_a_message_made_by_hand_is_even(world: World) -> None:
    from dicomwire.dimse_primitives import C_STORE

    store = Store()
    contexts = storage(IMPLICIT)
    server = await world.serve(store.bindings, contexts=contexts)
    association = await world.associate(server, contexts=contexts)
    primitive = C_STORE()
    primitive.MessageID = 1
    primitive.AffectedSOPClassUID = CT_IMAGE_STORAGE
    primitive.AffectedSOPInstanceUID = NEW
    primitive.Priority = 0
    primitive.DataSet = BytesIO(ODD)
    await done(association.dimse.send_msg(primitive, 1))
    assert (await done(association.send_c_echo(msg_id=2))).Status == 0x0000
    assert store.data == [EVEN]
    await done(association.release())
