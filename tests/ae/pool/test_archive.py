"""An archive is asked in one call, on an association of the right kind."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicomwire import ConnectionLost, Refused, ServiceFailed, build_context, evt
from dicomwire.client.queries import WORKLIST
from dicomwire.presentation import AllStoragePresentationContexts
from tests.support.adapters import CT_IMAGE_STORAGE, VERIFICATION, World, done
from tests.support.finding import FIND, advance
from tests.support.getting import GET
from tests.support.moving import MOVE
from tests.support.pools import CountingPeer, archive_at, using
from tests.support.storing import EXPLICIT, JPEG, Store, instance, save

MODELS = [build_context(uid) for uid in (VERIFICATION, FIND, GET, MOVE, WORKLIST)]
STUDY = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "1.2"}
PENDING = 0xFF00


def patient(number: int) -> Dataset:
    identifier = Dataset()
    identifier.PatientID = str(number)
    return identifier


class Serving(CountingPeer):
    """An archive with a few patients and one image."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store()
        self.identifiers: list[Dataset] = []

    def find(self, event: evt.Event) -> Any:
        self.identifiers.append(event.identifier)
        for number in range(5):
            yield PENDING, patient(number)

    def get(self, event: evt.Event) -> Any:
        yield 1
        yield PENDING, instance(EXPLICIT)

    def move(self, event: evt.Event) -> Any:
        yield None, None

    @property
    def handlers(self) -> list[Any]:
        own = [(evt.EVT_C_FIND, self.find), (evt.EVT_C_GET, self.get), (evt.EVT_C_MOVE, self.move)]
        return [*super().handlers, *own, *self.store.bindings]

    async def serve(self, world: World, **options: Any) -> Any:
        """A server with these handlers, and everything that is stored."""
        contexts = [*MODELS, *AllStoragePresentationContexts]
        for context in contexts[len(MODELS) :]:
            context.scu_role = context.scp_role = True
            context.transfer_syntax = [*context.transfer_syntax, JPEG]
        return await world.serve(self.handlers, contexts=contexts, **options)


def ids(matches: list[Dataset]) -> list[str]:
    return [str(match.PatientID) for match in matches]


async def test_it_is_asked_in_one_call(world: World) -> None:
    peer = Serving()
    async with using(archive_at(world, await peer.serve(world))) as archive:
        assert (await done(archive.echo())).is_success
        assert ids(await done(archive.find({"PatientID": "", "QueryRetrieveLevel": "STUDY"}))) == [*"01234"]
        assert ids(await done(archive.find({"PatientID": ""}, limit=2))) == [*"01"]
        assert ids(await done(archive.worklist({"PatientID": ""}))) == [*"01234"]
        assert [str(each.get("QueryRetrieveLevel", "")) for each in peer.identifiers] == ["STUDY", "", ""]
        assert "0 of 4 in use" in repr(archive)


async def test_matches_are_read_one_by_one_and_may_be_left(world: World) -> None:
    peer = Serving()
    async with using(archive_at(world, await peer.serve(world))) as archive:
        async with using(archive.matches({"PatientID": ""})) as matches:
            assert ids([await advance(matches) for _ in range(5)]) == [*"01234"]
            assert await advance(matches) is None
        async with using(archive.matches({"PatientID": ""})) as matches:
            assert ids([await advance(matches)]) == ["0"]
        assert "0 of 4 in use" in repr(archive)
        with pytest.raises(RuntimeError, match="inside a 'with'"):
            await advance(matches)


async def test_what_is_stored_goes_as_it_is_and_what_became_of_each_is_told(world: World, tmp_path: Path) -> None:
    peer = Serving()
    path = save(instance(EXPLICIT), tmp_path / "a.dcm")
    jpeg = instance(JPEG, SOPInstanceUID="1.2.3.5")
    jpeg.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    jpeg["PixelData"].VR = "OB"
    file = io.BytesIO(b"before" + path.read_bytes())
    file.seek(6)
    given: list[Any] = [path, str(path), jpeg, tmp_path / "missing.dcm", path.read_bytes(), file, Dataset(), 3]
    async with using(archive_at(world, await peer.serve(world))) as archive:
        stored = await done(archive.store(given))
        assert [bool(each) for each in stored] == [True, True, True, False, True, True, False, False]
        assert [each.instance for each in stored] == given
        kinds = (FileNotFoundError, AttributeError, TypeError)
        assert tuple(type(stored[number].error) for number in (3, 6, 7)) == kinds
        assert peer.store.syntaxes == [EXPLICIT, EXPLICIT, JPEG, EXPLICIT, EXPLICIT]
        assert len(set(peer.store.data[:2] + peer.store.data[3:])) == 1
    assert peer.came == 1


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "file", "data set"])
async def test_a_single_instance_is_no_list_of_its_parts(world: World, kind: str, tmp_path: Path) -> None:
    peer = Serving()
    path = save(instance(EXPLICIT), tmp_path / "a.dcm")
    ways: dict[str, Any] = {
        "path": path,
        "text": str(path),
        "bytes": path.read_bytes(),
        "file": io.BytesIO(path.read_bytes()),
        "data set": dcmread(path),
    }
    async with using(archive_at(world, await peer.serve(world))) as archive:
        (stored,) = await done(archive.store(ways[kind]))
    assert stored
    assert stored.instance is ways[kind]


async def test_a_stream_that_cannot_go_back_is_stored_too(world: World, tmp_path: Path) -> None:
    class Pipe:
        def __init__(self, data: bytes) -> None:
            self._file = io.BytesIO(data)

        def read(self, size: int = -1) -> bytes:
            return self._file.read(size)

    peer = Serving()
    path = save(instance(EXPLICIT), tmp_path / "a.dcm")
    async with using(archive_at(world, await peer.serve(world))) as archive:
        (stored,) = await done(archive.store(Pipe(path.read_bytes())))
        assert stored, stored.error
    assert peer.store.syntaxes == [EXPLICIT]


async def test_as_many_kinds_as_there_are_go_over_several_associations(world: World) -> None:
    peer = Serving()
    classes = [str(item.abstract_syntax) for item in AllStoragePresentationContexts][:70]
    instances = [instance(EXPLICIT, SOPClassUID=uid, SOPInstanceUID=f"1.2.{n}") for n, uid in enumerate(classes)]
    async with using(archive_at(world, await peer.serve(world), size=1)) as archive:
        assert all(await done(archive.store(instances)))
    assert [request.AffectedSOPInstanceUID for request in peer.store.requests] == [f"1.2.{n}" for n in range(70)]
    assert peer.came == 2


async def test_nothing_to_store_takes_no_association(world: World) -> None:
    peer = Serving()
    async with using(archive_at(world, await peer.serve(world))) as archive:
        assert await done(archive.store([])) == []
        assert [bool(each) for each in await done(archive.store(["/nowhere"]))] == [False]
    assert peer.came == 0


async def test_an_association_that_can_send_more_is_used_again(world: World) -> None:
    peer = Serving()
    other = instance(EXPLICIT, SOPClassUID="1.2.840.10008.5.1.4.1.1.4", SOPInstanceUID="1.2.3.6")
    async with using(archive_at(world, await peer.serve(world))) as archive:
        assert all(await done(archive.store([instance(EXPLICIT), other])))
        assert all(await done(archive.store([other])))
    assert peer.came == 1


async def test_a_study_is_retrieved_into_a_folder(world: World, tmp_path: Path) -> None:
    peer = Serving()
    told: list[Any] = []
    async with using(archive_at(world, await peer.serve(world))) as archive:
        retrieved = await done(archive.retrieve(STUDY, tmp_path / "in", progress=told.append))
        assert retrieved.is_complete
        assert [path.name for path in retrieved.paths] == ["1.2.3.4.dcm"]
        assert told
        own = [build_context(CT_IMAGE_STORAGE, EXPLICIT)]
        again = await done(archive.retrieve(STUDY, tmp_path / "in", contexts=own))
        assert again.is_complete
    assert peer.came == 2


async def test_a_move_to_nobody_is_a_failure_and_the_association_goes_on(world: World) -> None:
    peer = Serving()
    async with using(archive_at(world, await peer.serve(world), size=1)) as archive:
        for _ in range(2):
            with pytest.raises(ServiceFailed, match="0xA801"):
                await done(archive.move(STUDY, "NOBODY"))
    assert peer.came == 1


async def test_all_kinds_share_the_size(world: World, tmp_path: Path) -> None:
    peer = Serving()
    async with using(archive_at(world, await peer.serve(world), size=1)) as archive:
        for _ in range(2):
            assert await done(archive.echo())
            assert all(await done(archive.store(instance(EXPLICIT))))
            assert (await done(archive.retrieve(STUDY, tmp_path))).is_complete
            assert repr(archive) == "<Archive: 0 of 1 in use, 1 idle, 0 waiting>"
    assert peer.came == 6


async def test_whatever_else_there_is_to_ask_is_asked_of_a_client(world: World) -> None:
    peer = Serving()
    async with using(archive_at(world, await peer.serve(world))) as archive:
        assert await done(archive.echo())
        async with using(archive.client()) as client:
            assert await done(client.echo())
    assert peer.came == 1


async def test_many_requests_at_once_share_it(world: World) -> None:
    peer = Serving()
    async with using(archive_at(world, await peer.serve(world), size=2, wait=None)) as archive:

        async def work() -> int:
            found = await done(archive.find({"PatientID": ""}))
            stored = await done(archive.store([instance(EXPLICIT)] * 2))
            return len(found) + len([each for each in stored if each])

        jobs = [world.start(work) for _ in range(8)]
        assert [await job.result() for job in jobs] == [7] * 8


async def test_what_is_wrong_with_a_query_is_told_before_an_association_is_asked_for(world: World) -> None:
    peer = Serving()
    async with using(archive_at(world, await peer.serve(world))) as archive:
        with pytest.raises(ValueError, match="is no keyword"):
            await done(archive.find({"PatientIdentity": ""}))
        with pytest.raises(TypeError, match="a query is a Dataset or a mapping"):
            await done(archive.retrieve("1.2", "folder"))
        with pytest.raises(ValueError, match="a priority is"):
            await done(archive.store([instance()], priority="soon"))
    assert peer.came == 0


# -- dead associations -------------------------------------------------------------------------------------------------
class Dying(Serving):
    """Aborts the first associations, instead of the answer to a second request on each."""

    def __init__(self, dying: int = 1) -> None:
        super().__init__()
        self.dying = dying
        self.asked: list[Any] = []

    def find(self, event: evt.Event) -> Any:
        if self.is_second(event):
            event.assoc.acse.send_abort(0x00)
            return
        yield PENDING, patient(7)

    def is_second(self, event: evt.Event) -> bool:
        """The request is the second of one that dies."""
        self.asked.append(event.assoc)
        firsts = list(dict.fromkeys(self.asked))[: self.dying]
        return event.assoc in firsts and self.asked.count(event.assoc) > 1


QUERY = {"PatientID": "", "QueryRetrieveLevel": "STUDY"}


async def test_what_died_while_idle_is_asked_again_on_a_new_association(world: World) -> None:
    peer = Dying()
    async with using(archive_at(world, await peer.serve(world), size=1)) as archive:
        assert ids(await done(archive.find(QUERY))) == ["7"]
        assert ids(await done(archive.find(QUERY))) == ["7"]
        assert ids(await done(archive.find(QUERY))) == ["7"]
        assert "0 of 1 in use" in repr(archive)
    assert peer.came == 2


async def test_what_was_stored_on_a_dead_association_is_sent_again(world: World, tmp_path: Path) -> None:
    class Peer(Dying):
        @property
        def handlers(self) -> list[Any]:
            return [*super().handlers, (evt.EVT_C_STORE, self.keep)]

        def keep(self, event: evt.Event) -> int:
            if self.is_second(event):
                event.assoc.acse.send_abort(0x00)
            return 0x0000

    peer = Peer()
    file = io.BytesIO(save(instance(EXPLICIT), tmp_path / "a.dcm").read_bytes())
    async with using(archive_at(world, await peer.serve(world), size=1)) as archive:
        assert all(await done(archive.store(file)))
        file.seek(0)
        assert all(await done(archive.store([file])))
    assert peer.came == 2


async def test_one_that_was_opened_for_it_is_not_tried_twice(world: World) -> None:
    class Peer(Serving):
        def find(self, event: evt.Event) -> Any:
            self.identifiers.append(event.identifier)
            event.assoc.acse.send_abort(0x00)
            yield PENDING, patient(1)

    peer = Peer()
    async with using(archive_at(world, await peer.serve(world))) as archive:
        with pytest.raises(ConnectionLost):
            await done(archive.find(QUERY))
        assert len(peer.identifiers) == 1
        assert "0 of 4 in use, 0 idle" in repr(archive)


async def test_what_was_answered_in_part_is_not_asked_again(world: World) -> None:
    class Peer(Serving):
        def find(self, event: evt.Event) -> Any:
            self.identifiers.append(event.identifier)
            yield PENDING, patient(1)
            if len(self.identifiers) == 2:
                event.assoc.acse.send_abort(0x00)
            yield PENDING, patient(2)

    peer = Peer()
    async with using(archive_at(world, await peer.serve(world))) as archive:
        assert ids(await done(archive.find(QUERY))) == ["1", "2"]
        with pytest.raises(ConnectionLost):
            await done(archive.find(QUERY))
        assert len(peer.identifiers) == 2


async def test_who_takes_too_long_is_not_asked_again(world: World) -> None:
    go_on = world.signal()

    class Peer(Serving):
        async def find_slowly(self, event: evt.Event) -> Any:
            self.identifiers.append(event.identifier)
            if len(self.identifiers) == 2:
                await go_on.wait()
            yield PENDING, patient(1)

        @property
        def handlers(self) -> list[Any]:
            return [*super().handlers, (evt.EVT_C_FIND, self.find_slowly)]

    peer = Peer()
    server = await peer.serve(world)
    async with using(archive_at(world, server)) as archive:
        assert len(await done(archive.find(QUERY))) == 1
        async with using(archive.client()) as client:
            # It stays so for the next one.
            client.dimse_timeout = 0.05
        with pytest.raises(ConnectionLost, match="timed out"):
            await done(archive.find(QUERY))
        go_on.set()
        assert len(peer.identifiers) == 2


async def test_when_it_ends_in_the_middle_what_follows_is_not_known_to_be_there(world: World) -> None:
    class Peer(Serving):
        @property
        def handlers(self) -> list[Any]:
            return [*super().handlers, (evt.EVT_C_STORE, self.keep)]

        def keep(self, event: evt.Event) -> int:
            if event.request.AffectedSOPInstanceUID == "1.2.2":
                event.assoc.acse.send_abort(0x00)
            return 0x0000

    peer = Peer()
    instances = [instance(EXPLICIT, SOPInstanceUID=f"1.2.{number}") for number in range(4)]
    async with using(archive_at(world, await peer.serve(world))) as archive:
        stored = await done(archive.store(instances))
        assert [bool(each) for each in stored] == [True, True, False, False]
        assert [type(each.error) for each in stored[2:]] == [ConnectionLost, ConnectionLost]
        assert "0 of 4 in use, 0 idle" in repr(archive)


async def test_a_peer_without_retrieval_is_told_by_what_it_refuses(world: World, tmp_path: Path) -> None:
    server = await world.serve(contexts=[build_context(VERIFICATION)])
    async with using(archive_at(world, server)) as archive:
        with pytest.raises(Refused):
            await done(archive.find(QUERY))
        with pytest.raises(Refused):
            await done(archive.retrieve(STUDY, tmp_path))
        with pytest.raises(Refused):
            await done(archive.move(STUDY, "NOBODY"))
        (stored,) = await done(archive.store(instance(EXPLICIT)))
        assert isinstance(stored.error, Refused)
