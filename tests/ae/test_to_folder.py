"""``get_to_folder`` and ``move_to_folder``: retrieving with one call."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicomwire import build_context, build_role, evt
from dicomwire.retrieval import Progress, Retrieved
from dicomwire.sources import EncodedDataSet
from tests.support.adapters import CT_IMAGE_STORAGE, LOCALHOST, Recorder, World, done, keep, port_of
from tests.support.storing import IMPLICIT, JPEG, instance
from tests.support.to_folder import GET, MOVE, MR_IMAGE_STORAGE, archive, get, granting, query

PATIENT_ROOT_GET = "1.2.840.10008.5.1.4.1.2.1.3"

MAXIMUM = 16382


def numbered(count: int, **elements: Any) -> list[Dataset]:
    return [instance(SOPInstanceUID=f"1.2.3.{number}", **elements) for number in range(count)]


def encoded(pieces: Any, uid: str = "1.2.3.4") -> EncodedDataSet:
    return EncodedDataSet(
        sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid=uid, transfer_syntax_uid=IMPLICIT, data=pieces
    )


def yielding(*instances: Any, status: int = 0xFF00) -> Callable[[evt.Event], Iterator[Any]]:
    def handler(event: evt.Event) -> Iterator[Any]:
        yield len(instances)
        for item in instances:
            yield status, item

    return handler


def moving(ae: Any, *instances: Any) -> Callable[[evt.Event], Iterator[Any]]:
    """Stores at the server that ``ae`` runs just now."""

    def handler(event: evt.Event) -> Iterator[Any]:
        yield LOCALHOST, port_of(ae.servers[-1]), {"contexts": [build_context(CT_IMAGE_STORAGE, IMPLICIT)]}
        yield len(instances)
        for item in instances:
            yield 0xFF00, item

    return handler


async def move(world: World, ae: Any, server: Any, folder: Path, **options: Any) -> Retrieved:
    options.setdefault("listen_on", (LOCALHOST, 0))
    result: Retrieved = await done(ae.move_to_folder(LOCALHOST, port_of(server), query(), folder, **options))
    return result


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


# -- C-GET ---------------------------------------------------------------------------------------------------------
async def test_get_writes_complete_files_and_tells_how_far_it_is(world: World, tmp_path: Path) -> None:
    server = await archive(world, yielding(*numbered(2), *numbered(1, SOPClassUID=MR_IMAGE_STORAGE)[:0], instance()))
    told: list[Progress] = []
    result = await get(world, server, tmp_path / "new" / "folder", progress=told.append)
    folder = tmp_path / "new" / "folder"
    assert result == Retrieved(
        status=0, completed=3, paths=tuple(folder / f"{uid}.dcm" for uid in ("1.2.3.0", "1.2.3.1", "1.2.3.4"))
    )
    assert result.is_complete
    assert [(item.completed, item.remaining) for item in told] == [(1, 2), (2, 1), (3, 0), (3, None)]
    assert [item.path for item in told] == [*result.paths, result.paths[-1]]
    assert names(folder) == ["1.2.3.0.dcm", "1.2.3.1.dcm", "1.2.3.4.dcm"]
    stored = dcmread(folder / "1.2.3.1.dcm")
    assert (stored.SOPInstanceUID, stored.PatientName, stored.file_meta.MediaStorageSOPClassUID) == (
        "1.2.3.1",
        "Test^Patient",
        CT_IMAGE_STORAGE,
    )


async def test_the_association_of_a_get_is_released(world: World, tmp_path: Path) -> None:
    seen = Recorder()
    server = await archive(world, yielding(instance()), more=seen.bindings(evt.EVT_RELEASED, evt.EVT_ABORTED))
    ae = world.ae()
    assert (await get(world, server, tmp_path, ae)).is_complete
    await world.until(lambda: seen.names == ["RELEASED"])
    assert ae.active_associations == []


async def test_the_progress_handler_may_be_async(async_world: World, tmp_path: Path) -> None:
    told: list[Progress] = []

    async def progress(value: Progress) -> None:
        told.append(value)

    result = await get(async_world, await archive(async_world, yielding(*numbered(2))), tmp_path, progress=progress)
    assert result.is_complete
    assert len(told) == 3


@pytest.mark.parametrize("verb", ["get", "move"])
async def test_handlers_may_run_in_worker_threads(loop_world: World, tmp_path: Path, verb: str) -> None:
    ae = loop_world.ae("CLIENT")
    ae.handlers_in_threads = True
    instances = numbered(3)
    event, handler = (
        (evt.EVT_C_GET, yielding(*instances)) if verb == "get" else (evt.EVT_C_MOVE, moving(ae, *instances))
    )
    server = await archive(loop_world, handler, event=event)
    result = await (get(loop_world, server, tmp_path, ae) if verb == "get" else move(loop_world, ae, server, tmp_path))
    assert result.is_complete, result.failure
    assert names(tmp_path) == ["1.2.3.0.dcm", "1.2.3.1.dcm", "1.2.3.2.dcm"]


async def test_a_window_of_several_operations_keeps_the_files_apart(world: World, tmp_path: Path) -> None:
    ae, server_ae = world.ae("CLIENT"), world.ae("SERVER")
    ae.asynchronous_operations = server_ae.asynchronous_operations = (4, 4)
    instances = numbered(9)
    server = await world.serve(
        [(evt.EVT_C_MOVE, moving(ae, *instances))], ae=server_ae, contexts=granting(CT_IMAGE_STORAGE)
    )
    result = await move(world, ae, server, tmp_path)
    assert result.is_complete, result.failure
    for item in instances:
        path = tmp_path / f"{item.SOPInstanceUID}.dcm"
        assert dcmread(path).SOPInstanceUID == item.SOPInstanceUID


async def test_nothing_that_matches_is_complete(world: World, tmp_path: Path) -> None:
    result = await get(world, await archive(world, yielding()), tmp_path)
    assert result == Retrieved(status=0)
    assert names(tmp_path) == []


async def test_the_default_proposes_the_usual_storage_classes_with_the_scp_role(world: World, tmp_path: Path) -> None:
    proposed: list[Any] = []

    def look(event: evt.Event) -> None:
        proposed.append(event.assoc.requestor)

    server = await archive(world, yielding(), more=[(evt.EVT_REQUESTED, look)])
    await get(world, server, tmp_path)
    (requestor,) = proposed
    uids = [str(context.abstract_syntax) for context in requestor.requested_contexts]
    assert len(uids) == 121 and uids[0] == GET
    assert set(requestor.role_selection) == set(uids[1:])
    assert {(item.scu_role, item.scp_role) for item in requestor.role_selection.values()} == {(False, True)}


async def test_storage_classes_narrow_what_is_proposed(world: World, tmp_path: Path) -> None:
    proposed: list[Any] = []
    server = await archive(
        world, yielding(), more=[(evt.EVT_REQUESTED, lambda event: proposed.append(event.assoc.requestor))]
    )
    mine = [build_role(MR_IMAGE_STORAGE, scu_role=True, scp_role=True)]
    classes = [build_context(CT_IMAGE_STORAGE), build_context(CT_IMAGE_STORAGE, JPEG), build_context(MR_IMAGE_STORAGE)]
    await get(world, server, tmp_path, storage_classes=classes, ext_neg=mine)
    await get(world, server, tmp_path, storage_classes=iter(classes[:1]))
    first, second = proposed
    pairs = [(str(item.abstract_syntax), len(item.transfer_syntax)) for item in first.requested_contexts]
    assert pairs == [(GET, 4), (CT_IMAGE_STORAGE, 4), (CT_IMAGE_STORAGE, 1), (MR_IMAGE_STORAGE, 4)]
    roles = {str(uid): (item.scu_role, item.scp_role) for uid, item in first.role_selection.items()}
    assert roles == {CT_IMAGE_STORAGE: (False, True), MR_IMAGE_STORAGE: (True, True)}
    assert len(second.requested_contexts) == 2


async def test_classes_by_uid_may_come_compressed_as_far_as_there_is_room(world: World, tmp_path: Path) -> None:
    proposed: list[Any] = []
    jpeg = encoded(bytes(8))
    jpeg = evolve(jpeg, transfer_syntax_uid=JPEG)
    contexts = granting(CT_IMAGE_STORAGE)
    contexts[0].transfer_syntax = [*contexts[0].transfer_syntax, JPEG]
    server = await world.serve(
        [
            (evt.EVT_C_GET, yielding(jpeg, instance(SOPInstanceUID="1.9"))),
            (evt.EVT_REQUESTED, lambda event: proposed.append(event.assoc.requestor.requested_contexts)),
        ],
        contexts=contexts,
    )
    assert (await get(world, server, tmp_path, storage_classes=CT_IMAGE_STORAGE)).is_complete
    assert dcmread(tmp_path / "1.2.3.4.dcm").file_meta.TransferSyntaxUID == JPEG
    many = [f"1.2.{number}" for number in range(100)]
    await get(world, server, tmp_path, storage_classes=many)
    first, second = [[len(item.transfer_syntax) for item in contexts] for contexts in proposed]
    assert first == [4, 4, *[1] * 41]
    assert second == [4] * 101 + [1] * 27


@pytest.mark.parametrize(
    ("classes", "words"), [([], "no storage classes"), ([f"1.2.{number}" for number in range(128)], "room for 127")]
)
async def test_impossible_storage_classes_are_refused_before_anything_happens(
    world: World, tmp_path: Path, classes: list[str], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await done(world.ae().get_to_folder(LOCALHOST, 1, query(), tmp_path / "x", storage_classes=classes))
    assert names(tmp_path) == []


async def test_a_peer_that_sends_without_having_answered_the_roles_is_put_up_with(world: World, tmp_path: Path) -> None:
    def send_anyway(event: evt.Event) -> None:
        association = event.assoc
        association.contexts.set([evolve(context, as_scu=True) for context in association.contexts.all])

    contexts = [build_context(CT_IMAGE_STORAGE), build_context(GET)]
    handlers = [(evt.EVT_C_GET, yielding(instance())), (evt.EVT_ESTABLISHED, send_anyway)]
    server = await world.serve(handlers, contexts=contexts)
    result = await get(world, server, tmp_path, storage_classes=[CT_IMAGE_STORAGE])
    assert result.is_complete
    assert names(tmp_path) == ["1.2.3.4.dcm"]


async def test_what_the_peer_could_not_send_is_listed_and_explained(world: World, tmp_path: Path) -> None:
    instances = [instance(), *numbered(2, SOPClassUID=MR_IMAGE_STORAGE)]
    server = await archive(world, yielding(*instances), CT_IMAGE_STORAGE)
    result = await get(world, server, tmp_path)
    assert (result.status, result.completed, result.failed) == (0xB000, 1, 2)
    assert result.failed_uids == ("1.2.3.0", "1.2.3.1")
    assert not result.is_complete
    assert result.failure is not None
    assert result.failure.startswith("0xB000 (Warning: ")
    assert "rejected 119 of 121" in result.failure
    assert len(result.paths) == 1


async def test_one_failed_instance_is_a_list_of_one(world: World, tmp_path: Path) -> None:
    server = await archive(world, yielding(instance(SOPClassUID=MR_IMAGE_STORAGE)), CT_IMAGE_STORAGE)
    result = await get(world, server, tmp_path, storage_classes=[CT_IMAGE_STORAGE])
    assert result.status == 0xA702
    assert result.failed_uids == ("1.2.3.4",)
    assert "121" not in (result.failure or "")
    # What the peer says of it, and what we know ourselves.
    assert "no context for MR Image Storage" in (result.failure or "")
    assert "CT Image Storage was accepted, and other SOP classes were never proposed" in (result.failure or "")
    result = await get(world, await archive(world, yielding(instance(SOPClassUID="1.2.3.4"))), tmp_path)
    assert "no context for 1.2.3.4" in (result.failure or "")
    assert "never proposed: name those wanted in storage_classes" in (result.failure or "")


async def test_progress_that_says_false_stops_the_peer(world: World, tmp_path: Path) -> None:
    async def one_by_one(event: evt.Event) -> Any:
        yield 100
        for item in numbered(100):
            if event.is_cancelled:
                yield 0xFE00, None
                return
            yield 0xFF00, item

    server = await archive(world, one_by_one if world.name != "blocking" else _plainly(one_by_one))
    told: list[Progress] = []
    result = await get(world, server, tmp_path, progress=lambda value: keep(told, value, False))
    assert result.status == 0xFE00
    assert 0 < result.completed < 100 and result.remaining == 100 - result.completed
    assert len(result.paths) == result.completed == len(names(tmp_path))
    assert (result.failure or "").startswith("0xFE00 (Cancel")
    assert "by itself" not in (result.failure or "")


async def test_a_cancel_that_nobody_asked_for_is_called_the_peers_limit(world: World, tmp_path: Path) -> None:
    def limited(*first: Any) -> Any:
        def handler(event: evt.Event) -> Iterator[Any]:
            yield from first
            yield 10
            yield 0xFF00, instance()
            yield 0xFE00, None

        return handler

    server = await archive(world, limited())
    # That progress is called, and is content, stops nothing.
    for progress in (None, lambda value: True):
        result = await get(world, server, tmp_path, progress=progress)
        assert result.status == 0xFE00
        assert "nobody cancelled: the peer stopped by itself" in (result.failure or "")
    ae = world.ae("CLIENT")
    elsewhere = await world.serve([(evt.EVT_C_STORE, lambda event: 0)])
    options = {"contexts": [build_context(CT_IMAGE_STORAGE)]}
    server = await archive(world, limited((LOCALHOST, port_of(elsewhere), options)), event=evt.EVT_C_MOVE)
    result = await move(world, ae, server, tmp_path)
    assert "nobody cancelled: the peer stopped by itself" in (result.failure or "")


def _plainly(handler: Any) -> Any:
    """A plain generator of an async one that never waits."""

    def plain(event: evt.Event) -> Iterator[Any]:
        generator = handler(event)
        while True:
            try:
                generator.__anext__().send(None)
            except StopIteration as stop:
                yield stop.value
            except StopAsyncIteration:
                return

    return plain


async def test_an_exception_of_progress_aborts_and_leaves_no_part(world: World, tmp_path: Path) -> None:
    seen = Recorder()
    server = await archive(world, yielding(*numbered(3)), more=seen.bindings(evt.EVT_ABORTED, evt.EVT_RELEASED))

    def refuse(value: Progress) -> None:
        raise LookupError("enough")

    ae = world.ae()
    with pytest.raises(LookupError, match="enough"):
        await get(world, server, tmp_path, ae, progress=refuse)
    await world.until(lambda: seen.names == ["ABORTED"])
    assert ae.active_associations == []
    assert all(name.endswith(".dcm") for name in names(tmp_path))


async def test_a_peer_that_is_lost_in_the_middle_of_an_instance_leaves_no_part(world: World, tmp_path: Path) -> None:
    def broken(event: evt.Event) -> Iterator[Any]:
        def pieces() -> Iterator[bytes]:
            yield bytes(300_000)
            raise OSError("the disk is gone")

        yield 2
        yield 0xFF00, instance(SOPInstanceUID="1.9")
        yield 0xFF00, encoded(pieces())

    server = await archive(world, broken)
    result = await get(world, server, tmp_path)
    assert result.status is None
    assert (result.completed, result.paths) == (1, (tmp_path / "1.9.dcm",))
    assert result.failure
    await world.until(lambda: names(tmp_path) == ["1.9.dcm"])


async def test_without_a_connection_the_result_says_why(world: World, tmp_path: Path) -> None:
    server = await archive(world, yielding())
    server.shutdown()
    result = await get(world, server, tmp_path)
    assert result.status is None and not result.is_complete
    assert "nobody listens" in (result.failure or "")


async def test_a_refused_query_model_is_explained(world: World, tmp_path: Path) -> None:
    server = await archive(world, yielding())
    ae = world.ae()
    result = await get(world, server, tmp_path, ae, query_model=PATIENT_ROOT_GET)
    assert "Patient Root" in (result.failure or "") and "abstract syntax not supported" in (result.failure or "")
    assert ae.active_associations == []


async def test_a_bad_identifier_raises_and_ends_the_association(world: World, tmp_path: Path) -> None:
    server = await archive(world, yielding())
    bad = query()
    bad.Rows = 1
    bad["Rows"]._value = "no number"
    ae = world.ae()
    with pytest.raises(ValueError, match="encoded"):
        await done(ae.get_to_folder(LOCALHOST, port_of(server), bad, tmp_path))
    assert ae.active_associations == []


async def test_a_folder_that_cannot_be_made_is_an_os_error(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        await done(world.ae().get_to_folder(LOCALHOST, 1, query(), tmp_path / "file"))


# -- files ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("uid", ["../../evil", ".", "..", "/etc/x", "1.2\0"])
async def test_no_uid_leaves_the_folder(world: World, tmp_path: Path, uid: str) -> None:
    folder = tmp_path / "in"
    server = await archive(world, yielding(encoded(bytes(8), uid)))
    result = await get(world, server, folder)
    assert result.is_complete
    assert names(tmp_path) == ["in"]
    assert [path.parent for path in result.paths] == [folder]
    assert names(folder) == [result.paths[0].name]
    assert not result.paths[0].name.startswith(".")


async def test_an_instance_that_is_there_is_replaced_and_a_link_is_not_followed(world: World, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "1.2.3.4.dcm").symlink_to(target)
    server = await archive(world, yielding(instance(), instance(PatientName="Later")))
    result = await get(world, server, folder)
    assert result.is_complete
    assert (result.completed, result.paths) == (2, (folder / "1.2.3.4.dcm",))
    assert dcmread(folder / "1.2.3.4.dcm").PatientName == "Later"
    assert target.read_text() == "precious"


async def test_what_cannot_be_written_is_answered_as_a_failure(world: World, tmp_path: Path) -> None:
    (tmp_path / "1.2.3.1.dcm").mkdir()
    statuses: list[int] = []

    def note(event: evt.Event) -> None:
        if event.message.command.command_field == 0x8001:
            statuses.append(event.message.command.status)

    server = await archive(world, yielding(*numbered(3)), more=[(evt.EVT_DIMSE_RECV, note)])
    result = await get(world, server, tmp_path)
    assert statuses == [0, 0xA700, 0]
    assert (result.status, result.failed_uids) == (0xB000, ("1.2.3.1",))
    assert "writing failed" in (result.failure or "")
    assert names(tmp_path) == ["1.2.3.0.dcm", "1.2.3.1.dcm", "1.2.3.2.dcm"]


async def test_a_folder_that_vanishes_is_a_failure_too(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    server = await archive(world, yielding(*numbered(2)), more=[(evt.EVT_ESTABLISHED, lambda event: folder.rmdir())])
    result = await get(world, server, folder)
    assert result.status == 0xA702
    assert result.failed == 2 and not result.paths


# -- C-MOVE --------------------------------------------------------------------------------------------------------
async def test_move_receives_on_a_server_of_its_own(world: World, tmp_path: Path) -> None:
    ae = world.ae("CLIENT")
    seen: list[Any] = []

    def handler(event: evt.Event) -> Iterator[Any]:
        seen.append((event.move_destination, event.identifier.StudyInstanceUID))
        yield from moving(ae, *numbered(3))(event)

    server = await archive(world, handler, event=evt.EVT_C_MOVE)
    told: list[Progress] = []
    result = await move(world, ae, server, tmp_path, move_aet="INBOX", progress=told.append)
    assert result == Retrieved(
        status=0, completed=3, paths=tuple(tmp_path / f"1.2.3.{number}.dcm" for number in range(3))
    )
    assert seen == [("INBOX", "1.2.3")]
    assert [(item.completed, item.remaining) for item in told] == [(1, 2), (2, 1), (3, 0), (3, None)]
    # The next file may have come before the response about the last one.
    for number, item in enumerate(told):
        assert item.path in result.paths[min(number, 2) :]
    assert names(tmp_path) == ["1.2.3.0.dcm", "1.2.3.1.dcm", "1.2.3.2.dcm"]
    assert ae.servers == [] or world.name == "memory"
    await world.until(lambda: ae.active_associations == [])


async def test_without_a_title_the_move_goes_to_that_of_the_ae(world: World, tmp_path: Path) -> None:
    ae = world.ae("CLIENT")
    seen: list[Any] = []

    def handler(event: evt.Event) -> Iterator[Any]:
        seen.append(event.move_destination)
        yield from moving(ae)(event)

    server = await archive(world, handler, event=evt.EVT_C_MOVE)
    assert (await move(world, ae, server, tmp_path)).is_complete
    assert seen == ["CLIENT"]


async def test_the_server_takes_every_class_in_its_own_syntax_unless_told_otherwise(
    world: World, tmp_path: Path
) -> None:
    accepted: list[Any] = []

    for classes in (None, [CT_IMAGE_STORAGE]):
        ae = world.ae("CLIENT")

        def handler(event: evt.Event, ae: Any = ae) -> Iterator[Any]:
            def note(established: evt.Event) -> None:
                accepted.append(established.assoc.accepted_contexts)

            retired = "1.2.840.10008.5.1.4.1.1.6"
            contexts = [build_context(uid, JPEG) for uid in (MR_IMAGE_STORAGE, CT_IMAGE_STORAGE, retired)]
            options = {"contexts": contexts, "evt_handlers": [(evt.EVT_ESTABLISHED, note)]}
            yield LOCALHOST, port_of(ae.servers[-1]), options
            yield 1
            yield 0x0000, None

        server = await archive(world, handler, event=evt.EVT_C_MOVE)
        await move(world, ae, server, tmp_path, storage_classes=classes)
    assert [len(contexts) for contexts in accepted] == [3, 1]


async def test_an_unknown_destination_says_what_has_to_be_configured(world: World, tmp_path: Path) -> None:
    def handler(event: evt.Event) -> Iterator[Any]:
        yield None, None

    ae = world.ae()
    server = await archive(world, handler, event=evt.EVT_C_MOVE)
    result = await move(world, ae, server, tmp_path, move_aet="NOBODY")
    assert result.status == 0xA801
    assert "'NOBODY'" in (result.failure or "") and "configuration" in (result.failure or "")


async def test_a_destination_that_the_peer_does_not_reach_says_what_to_look_at(world: World, tmp_path: Path) -> None:
    def handler(event: evt.Event) -> Iterator[Any]:
        yield LOCALHOST, 1, {"contexts": [build_context(CT_IMAGE_STORAGE)]}
        yield 1

    server = await archive(world, handler, event=evt.EVT_C_MOVE)
    result = await move(world, world.ae("CLIENT"), server, tmp_path)
    assert result.status == 0xA801
    assert "no connection to the destination: have 'CLIENT' and its address added" in (result.failure or "")
    assert (result.failure or "").endswith("as they are")


async def test_what_went_somewhere_else_is_noticed(world: World, tmp_path: Path) -> None:
    elsewhere = await world.serve([(evt.EVT_C_STORE, lambda event: 0)])

    def handler(event: evt.Event) -> Iterator[Any]:
        yield LOCALHOST, port_of(elsewhere), {"contexts": [build_context(CT_IMAGE_STORAGE)]}
        yield 1
        yield 0xFF00, instance()

    server = await archive(world, handler, event=evt.EVT_C_MOVE)
    result = await move(world, world.ae("CLIENT"), server, tmp_path)
    assert (result.status, result.completed, result.paths) == (0, 1, ())
    assert "0 arrived here" in (result.failure or "") and "'CLIENT'" in (result.failure or "")


async def test_a_refused_move_model_is_explained_and_nothing_stays(world: World, tmp_path: Path) -> None:
    ae = world.ae()
    server = await world.serve(contexts=[build_context(CT_IMAGE_STORAGE), build_context(GET)])
    result = await move(world, ae, server, tmp_path, query_model=MOVE)
    assert "abstract syntax not supported" in (result.failure or "") or "no presentation" in (result.failure or "")
    await world.until(lambda: ae.active_associations == [])


async def test_an_address_that_is_taken_is_an_os_error(world: World, tmp_path: Path) -> None:
    server = await archive(world, yielding(), event=evt.EVT_C_MOVE)
    with pytest.raises(OSError, match="use"):
        await move(world, world.ae(), server, tmp_path, listen_on=(LOCALHOST, port_of(server)))


async def test_an_exception_in_the_middle_of_a_move_ends_server_and_associations(world: World, tmp_path: Path) -> None:
    ae = world.ae("CLIENT")
    server = await archive(world, moving(ae, *numbered(5)), event=evt.EVT_C_MOVE)

    def refuse(value: Progress) -> None:
        raise LookupError("enough")

    with pytest.raises(LookupError):
        await move(world, ae, server, tmp_path, progress=refuse)
    await world.until(lambda: ae.active_associations == [])
    assert all(name.endswith(".dcm") for name in names(tmp_path))
    with pytest.raises(LookupError):
        # The port is free again.
        await move(world, ae, server, tmp_path, progress=refuse)


# -- time ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("verb", ["get", "move"])
async def test_an_instance_that_arrives_slowly_outlasts_the_response_timeout(
    memory_world: World, tmp_path: Path, verb: str
) -> None:
    network = memory_world.network  # type: ignore[attr-defined]
    network.latency = 20.0
    ae, other = memory_world.ae("CLIENT"), memory_world.ae("SERVER")
    for entity in (ae, other):
        entity.acse_timeout = entity.network_timeout = 100
        entity.dimse_timeout = 1000
    ae.dimse_timeout = 90
    big = encoded(bytes(6 << 20))
    event, handler = (evt.EVT_C_GET, yielding(big)) if verb == "get" else (evt.EVT_C_MOVE, moving(ae, big))
    server = await memory_world.serve([(event, handler)], ae=other, contexts=granting(CT_IMAGE_STORAGE))
    began = network.now
    result = await (
        get(memory_world, server, tmp_path, ae) if verb == "get" else move(memory_world, ae, server, tmp_path)
    )
    assert result.is_complete, result.failure
    assert network.now - began > 150
    assert result.paths[0].stat().st_size > 6 << 20


async def test_a_peer_that_does_nothing_runs_into_the_timeout(memory_world: World, tmp_path: Path) -> None:
    network = memory_world.network  # type: ignore[attr-defined]

    async def never(event: evt.Event) -> Any:
        await network.sleep(1000)
        yield 0

    ae = memory_world.ae()
    ae.dimse_timeout = 50
    result = await get(memory_world, await archive(memory_world, never), tmp_path, ae)
    assert result.status is None
    assert "timed out waiting for a response" in (result.failure or "") and "dimse_timeout" in (result.failure or "")


@pytest.mark.parametrize("verb", ["get", "move"])
async def test_a_cancelled_task_leaves_no_part_and_no_association(loop_world: World, tmp_path: Path, verb: str) -> None:
    ae = loop_world.ae("CLIENT")
    begun = loop_world.signal()
    go_on = loop_world.signal()

    async def stuck(event: evt.Event) -> Any:
        async def wait() -> None:
            await go_on.wait()

        if verb == "move":
            yield LOCALHOST, port_of(ae.servers[-1]), {"contexts": [build_context(CT_IMAGE_STORAGE)]}
        yield 2
        yield 0xFF00, instance()
        begun.set()
        await wait()
        yield 0xFF00, instance()

    event = evt.EVT_C_GET if verb == "get" else evt.EVT_C_MOVE
    server = await archive(loop_world, stuck, event=event)
    work = get if verb == "get" else lambda world, server, folder, ae: move(world, ae, server, folder)
    if loop_world.name == "asyncio":
        task = asyncio.ensure_future(work(loop_world, server, tmp_path, ae))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work, loop_world, server, tmp_path, ae)
            await begun.wait()
            nursery.cancel_scope.cancel()
    assert ae.active_associations == []
    assert ae.servers == []
    assert names(tmp_path) == ["1.2.3.4.dcm"]
    go_on.set()
