"""``echo``, ``store`` and ``store_many`` of a client."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from dicomwire import ConnectionLost, Refused, Service, ServiceFailed, Status, evt
from dicomwire.files import find_files
from dicomwire.sources import EncodedDataSet
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, World, done
from tests.support.face import MR_IMAGE_STORAGE, Kept, advance, answering, joined, leave, listed, numbered
from tests.support.scripted import accepting, hear, reply
from tests.support.storing import EXPLICIT, IMPLICIT, instance, save

STORING: dict[str, Any] = {"contexts": [CT_IMAGE_STORAGE]}


async def test_an_echo_gives_success_which_is_true(world: World) -> None:
    client = await joined(world, Service())
    status = await done(client.echo())
    assert status == 0x0000
    assert status == Status.SUCCESS
    assert status


@pytest.mark.parametrize("status", [0x0122, 0x0210, 0xC000])
async def test_an_echo_that_fails_raises(world: World, status: int) -> None:
    client = await joined(world, answering("echo", lambda request: Status(status, "not today")))
    with pytest.raises(ServiceFailed, match="not today") as failed:
        await done(client.echo())
    assert (failed.value.status, failed.value.operation) == (status, "C-ECHO")
    assert failed.value.retrieved is None


@pytest.mark.parametrize("status", [0xFF00, 0xFE00])
async def test_a_peer_that_goes_on_or_stops_has_not_stored(world: World, status: int) -> None:
    listener = await world.listen()

    async def peer() -> None:
        other = await accepting(listener)
        for field in (0x0030, 0x0001, 0x0001):
            said = await hear(other)
            assert said.field == field
            await other.send(reply(said.context_id, field, status, message_id=said.command.MessageID))
        await other.rest()
        await other.close()

    job = world.start(peer)
    client = await world.client(listener, contexts=[VERIFICATION, CT_IMAGE_STORAGE])
    with pytest.raises(ServiceFailed, match="C-ECHO failed") as failed:
        await done(client.echo())
    assert failed.value.status == status
    with pytest.raises(ServiceFailed, match="C-STORE failed"):
        await done(client.store(instance()))
    (stored,) = await listed(client.store_many([instance()]))
    assert (bool(stored), stored.status) == (False, status)
    await done(client.abort())
    await job.result()


async def test_an_echo_without_a_context_is_refused(world: World) -> None:
    client = await joined(world, answering("store", Kept()), **STORING)
    with pytest.raises(Refused, match="Verification"):
        await done(client.echo())


@pytest.mark.parametrize("kind", ["dataset", "path", "text", "bytes", "bytearray", "memoryview", "file", "encoded"])
async def test_an_instance_is_stored_from_whatever_it_is_in(world: World, tmp_path: Path, kind: str) -> None:
    path = save(instance(IMPLICIT), tmp_path / "a.dcm")
    data = path.read_bytes()
    given: dict[str, Any] = {
        "dataset": instance(IMPLICIT),
        "path": path,
        "text": str(path),
        "bytes": data,
        "bytearray": bytearray(data),
        "memoryview": memoryview(data),
        "file": io.BytesIO(data),
        "encoded": EncodedDataSet(
            sop_class_uid=CT_IMAGE_STORAGE,
            sop_instance_uid="1.2.3.4",
            transfer_syntax_uid=EXPLICIT,
            data=b"\x10\x00\x10\x00PN\x04\x00Test",
        ),
    }
    kept = Kept()
    client = await joined(world, answering("store", kept), **STORING)
    status = await done(client.store(given[kind]))
    assert status.is_success
    assert kept.uids == ["1.2.3.4"]
    assert str(kept.requests[0].dataset.PatientName).startswith("Test")


async def test_a_warning_is_given_back(world: World) -> None:
    client = await joined(world, answering("store", Kept(Status.COERCED.because("name"))), **STORING)
    status = await done(client.store(instance()))
    assert status.is_warning
    assert status
    assert status.comment == "name"
    assert "Coercion" in status.explain()


async def test_a_failure_says_what_the_peer_said(world: World) -> None:
    said = Status.MISMATCH.because("odd", offending_elements=[0x00280010, 0x00280011])
    client = await joined(world, answering("store", Kept(said)), **STORING)
    with pytest.raises(ServiceFailed) as failed:
        await done(client.store(instance()))
    status = failed.value.status
    assert (status, status.comment, status.offending_elements) == (0xA900, "odd", (0x00280010, 0x00280011))
    assert not status
    assert str(failed.value) == f"C-STORE failed: {status.explain()}"
    assert "about (0028,0010), (0028,0011)" in str(failed.value)


async def test_what_no_context_fits_is_refused(world: World) -> None:
    client = await joined(world, answering("store", Kept()), **STORING)
    with pytest.raises(Refused, match="MR Image Storage"):
        await done(client.store(instance(SOPClassUID=MR_IMAGE_STORAGE)))
    assert (await done(client.store(instance()))).is_success


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (3, TypeError),
        ("/nowhere/at/all.dcm", FileNotFoundError),
        (b"no DICOM", InvalidDicomError),
        (Dataset(), AttributeError),
    ],
)
async def test_what_is_no_instance_is_an_error_of_the_program(world: World, given: Any, error: type[Exception]) -> None:
    client = await joined(world, answering("store", Kept()), **STORING)
    with pytest.raises(error):
        await done(client.store(given))
    assert (await done(client.store(instance()))).is_success


@pytest.mark.parametrize(("priority", "code"), [("low", 2), ("medium", 0), ("high", 1)])
async def test_the_priority_is_sent(world: World, priority: Any, code: int) -> None:
    sent: list[int] = []

    def look(event: evt.Event) -> None:
        if type(event.message).__name__ == "C_STORE_RQ":
            sent.append(event.message.command_set.Priority)

    client = await joined(world, answering("store", Kept()), handlers=[(evt.EVT_DIMSE_SENT, look)], **STORING)
    await done(client.store(instance(), priority=priority))
    assert sent == [code]


async def test_a_priority_of_another_name_is_refused(world: World) -> None:
    client = await joined(world, answering("store", Kept()), **STORING)
    for call in (client.store, lambda item, priority: client.store_many([item], priority=priority)):
        with pytest.raises(ValueError, match="'low', 'medium' or 'high'"):
            await done(call(instance(), priority="urgent"))


# -- many ----------------------------------------------------------------------------------------------------------
async def test_many_are_stored_and_each_is_told(world: World) -> None:
    kept = Kept(Status.SUCCESS, Status.COERCED)
    client = await joined(world, answering("store", kept), **STORING)
    instances = numbered(3)
    stored = await listed(client.store_many(instances))
    assert [item.instance for item in stored] == instances
    assert [item.status for item in stored] == [0x0000, 0xB000, 0x0000]
    assert [item.error for item in stored] == [None] * 3
    assert all(stored)
    assert kept.uids == ["1.2.3.0", "1.2.3.1", "1.2.3.2"]


async def test_whatever_is_wrong_with_one_the_next_follows(world: World, tmp_path: Path) -> None:
    kept = Kept(Status.SUCCESS, Status.OUT_OF_RESOURCES)
    client = await joined(world, answering("store", kept), **STORING)
    (tmp_path / "text.dcm").write_text("no DICOM")
    given: list[Any] = [
        instance(),
        instance(SOPInstanceUID="1.2.3.5"),
        tmp_path / "missing.dcm",
        tmp_path / "text.dcm",
        instance(SOPClassUID=MR_IMAGE_STORAGE),
        None,
        instance(),
    ]
    stored = await listed(client.store_many(given))
    kinds = [type(item.error) for item in stored]
    assert kinds[:2] == [type(None), ServiceFailed]
    assert kinds[2:] == [FileNotFoundError, InvalidDicomError, Refused, TypeError, type(None)]
    assert [bool(item) for item in stored] == [True, False, False, False, False, False, True]
    assert [item.status for item in stored[:3]] == [0x0000, 0xA700, None]


async def test_instances_are_asked_for_one_by_one(world: World) -> None:
    made: list[int] = []

    def instances() -> Any:
        for number, item in enumerate(numbered(4)):
            made.append(number)
            yield item

    client = await joined(world, answering("store", Kept()), **STORING)
    items = client.store_many(instances())
    assert await advance(items)
    assert made == [0]
    await leave(items)
    assert await advance(items) is None
    assert made == [0]
    assert (await done(client.store(instance()))).is_success


async def test_an_iterable_that_raises_is_told_and_ends_it(world: World) -> None:
    def instances() -> Any:
        yield instance()
        raise KeyError("mine")

    client = await joined(world, answering("store", Kept()), **STORING)
    items = client.store_many(instances())
    assert await advance(items)
    with pytest.raises(KeyError, match="mine"):
        await advance(items)
    assert await advance(items) is None


async def test_none_at_all_are_stored(world: World) -> None:
    client = await joined(world, answering("store", Kept()), **STORING)
    assert await listed(client.store_many([])) == []


@pytest.mark.parametrize("given", [3, None, "a path", b"bytes", Path("folder"), instance()])
async def test_what_is_no_list_of_instances_is_refused(world: World, given: Any) -> None:
    """A string is a path, whose letters are none."""
    client = await joined(world, answering("store", Kept()), **STORING)
    with pytest.raises(TypeError, match="instances"):
        await done(client.store_many(given))


async def test_the_end_of_the_association_ends_it(world: World) -> None:
    server = await world.provide(answering("store", Kept()))
    client = await world.client(server, **STORING)
    items = client.store_many(numbered(3))
    assert await advance(items)
    await done(client.abort())
    with pytest.raises(ConnectionLost, match="abort"):
        await advance(items)
    assert await advance(items) is None
    with pytest.raises(ConnectionLost):
        await done(client.store_many([]))


async def test_files_are_sent_by_their_contexts(world: World, tmp_path: Path) -> None:
    save(instance(EXPLICIT), tmp_path / "a.dcm")
    kept = Kept()
    client = await joined(world, answering("store", kept), files=tmp_path)
    [stored] = await listed(client.store_many([tmp_path / "a.dcm"]))
    assert stored
    assert kept.requests[0].transfer_syntax_uid == EXPLICIT
    assert dcmread(io.BytesIO(kept.requests[0].encoded())).PatientName == "Test^Patient"


async def test_instances_may_come_from_what_uses_the_client_itself(world: World) -> None:
    """As a generator that asks the peer between two instances does: where verbs block, no lock may be held then."""
    service = answering("store", Kept())
    client = await joined(world, service, contexts=[CT_IMAGE_STORAGE, VERIFICATION])
    asked: list[Any] = []

    def instances() -> Any:
        for number in range(2):
            asked.append(client.echo() if world.name == "blocking" else number)
            yield from numbered(2)

    assert len(await listed(client.store_many(instances()))) == 4
    assert len(await listed(await done(client.send_c_store_many(instances())))) == 4
    assert len(asked) == 4


async def test_what_looking_for_files_gives_can_be_stored(world: World, tmp_path: Path) -> None:
    save(instance(EXPLICIT), tmp_path / "a.dcm")
    files, _ = find_files([tmp_path])
    kept = Kept()
    client = await world.client(await world.provide(answering("store", kept)), files=files)
    assert all(await listed(client.store_many(files)))
    assert kept.uids == ["1.2.3.4"]
