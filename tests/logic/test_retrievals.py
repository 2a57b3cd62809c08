"""A whole retrieval with one call: what is asked of the AE, and what becomes of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomwire import build_context, build_role
from dicomwire.associations.negotiated_contexts import NegotiatedContexts
from dicomwire.associations.negotiation import NegotiatedContext
from dicomwire.associations.sides import Sides
from dicomwire.data.receiving_folder import Folder
from dicomwire.retrieval import Progress, Retrieved, into_folder, under_way
from dicomwire.retrieval.into_folder import compressed_contexts, get_to_folder, move_to_folder
from dicomwire.upper_layer.state import Role
from dicomwire.upper_layer.timers import Timer

GET, MOVE = "1.2.840.10008.5.1.4.1.2.2.3", "1.2.840.10008.5.1.4.1.2.2.2"
CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT, JPEG_LOSSLESS = "1.2.840.10008.1.2", "1.2.840.10008.1.2.4.70"


def response(code: int, completed: int | None = None) -> Dataset:
    made = Dataset()
    made.Status = code
    if completed is not None:
        made.NumberOfCompletedSuboperations = completed
    return made


class Association:
    """One on which the peer gives responses; of each context its class and result."""

    def __init__(self, *contexts: tuple[str, int], said: str = "all accepted") -> None:
        self.contexts = NegotiatedContexts()
        self.contexts.set(
            [
                NegotiatedContext(2 * index + 1, uid, (IMPLICIT,), result, as_scu=result == 0)
                for index, (uid, result) in enumerate(contexts)
            ]
        )
        self.said = said
        self.is_established = True
        self.line: Any = self
        self.host: Any = self
        self.session: Any = self
        self.connection: Any = self
        self.timers: Any = self
        self.sides = Sides(Role.REQUESTOR)
        self.done: list[Any] = []
        self.waits = True

    def explain(self) -> str:
        return self.said

    def face(self, work: Any) -> Any:
        return work

    def apart(self, work: Callable[[], object]) -> None:
        self.done.append("apart")
        work()

    def is_running(self, timer: Timer) -> bool:
        assert timer is Timer.RESPONSE
        return self.waits

    def start(self, timer: Timer) -> None:
        self.done.append(timer)

    def __enter__(self) -> Association:
        return self

    def __exit__(self, *error: object) -> None:
        self.done.append("left")

    async def release(self) -> None:
        self.done.append("released")


class Entity:
    """An AE with one association, and with a server."""

    ae_title = "OURS"
    file_store = None

    def __init__(self, association: Association) -> None:
        self.association = association
        self.asked: tuple[Any, ...] = ()
        self.served: tuple[Any, ...] = ()
        self.active_associations = [Association()]
        self.server_left = False

    def associate(self, *args: Any) -> Association:
        self.asked = args
        return self.association

    def start_server(self, *args: Any) -> Entity:
        self.served = args
        return self

    def __enter__(self) -> Entity:
        return self

    def __exit__(self, *error: object) -> None:
        self.server_left = True


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was sent; the first is replaced by the responses that come."""
    sent: list[Any] = []

    async def stream(association: Any, *args: Any) -> Any:
        responses = sent.pop(0)
        sent.append(args)

        async def given() -> Any:
            for status in responses:
                if callable(status):
                    status()
                else:
                    yield status, None

        return given()

    async def cancel(association: Any, *args: Any, **options: Any) -> None:
        sent.append((args, options))

    monkeypatch.setattr(under_way, "send_c_get", stream)
    monkeypatch.setattr(under_way, "send_c_move", stream)
    monkeypatch.setattr(under_way, "send_c_cancel", cancel)
    return sent


def get(entity: Entity, folder: Path, **options: Any) -> Retrieved:
    given: Any = entity
    return asyncio.run(get_to_folder(given, "host", 104, b"query", folder, **options))


def move(entity: Entity, folder: Path, **options: Any) -> Retrieved:
    given: Any = entity
    options = {"listen_on": ("", 11112)} | options
    return asyncio.run(move_to_folder(given, "host", 104, b"query", folder, **options))


def proposed(entity: Entity) -> list[tuple[str, list[str]]]:
    return [(str(item.abstract_syntax), [str(uid) for uid in item.transfer_syntax]) for item in entity.asked[2]]


def told_everything(folder: Path, requests: list[Any]) -> tuple[Entity, Any]:
    """An entity that was asked for a C-GET with every option, and the role that was given."""
    requests.append([response(0x0000)])
    entity = Entity(Association((GET, 0), (CT, 0)))
    given = build_role(MR, scp_role=True)
    mr = build_context(MR, IMPLICIT)
    got = get(
        entity,
        folder,
        storage_classes=[CT, mr],
        ae_title="PEER",
        max_pdu=1000,
        ext_neg=[given],
        bind_address=("", 7),
        tls_args=("tls", None),
        evt_handlers=["a handler"],
        priority=1,
    )
    assert (got.status, got.failure) == (0x0000, None)
    return entity, given


def test_everything_that_is_said_goes_on_to_the_association(tmp_path: Path, requests: list[Any]) -> None:
    entity, given = told_everything(tmp_path / "new", requests)
    address, port, _, title, most, items, bound, tls, handlers = entity.asked
    assert (address, port, title, most, bound, tls) == ("host", 104, "PEER", 1000, ("", 7), ("tls", None))
    assert items[0] is given and [(item.sop_class_uid, item.scp_role) for item in items[1:]] == [(CT, True)]
    assert handlers[0] == "a handler" and len(handlers) > 1
    assert requests == [(b"query", GET, 1, 1)]
    assert (tmp_path / "new").is_dir() and entity.association.done == ["left"]


def test_the_contexts_of_a_retrieval_are_those_that_are_asked_for(tmp_path: Path, requests: list[Any]) -> None:
    entity, _ = told_everything(tmp_path / "new", requests)
    contexts = proposed(entity)
    assert [uid for uid, _ in contexts[:3]] == [GET, CT, MR] and contexts[2][1] == [IMPLICIT]
    assert contexts[3] == (CT, [JPEG_LOSSLESS]), "what is left is for compressed transfer syntaxes"
    assert {uid for uid, _ in contexts[3:]} == {CT}
    received = {context.abstract_syntax: context.as_scp for context in entity.association.contexts.all}
    assert received == {GET: False, CT: True}


def test_one_class_may_be_given_by_itself_and_by_default_there_are_the_usual(
    tmp_path: Path, requests: list[Any]
) -> None:
    requests.append([response(0x0000)])
    entity = Entity(Association((GET, 0)))
    get(entity, tmp_path, storage_classes=CT)
    assert {uid for uid, _ in proposed(entity)} == {GET, CT} and len(entity.asked[2]) < 128
    requests[:] = [[response(0x0000)]]
    get(entity, tmp_path)
    assert len(entity.asked[2]) == 121
    many = [f"1.2.{number}" for number in range(127)]
    requests[:] = [[response(0x0000)]]
    get(entity, tmp_path, storage_classes=many)
    assert len(entity.asked[2]) == 128
    for wrong, words in (([*many, CT], "128 storage contexts.* room for 127"), ([], "no storage classes")):
        with pytest.raises(ValueError, match=words):
            get(entity, tmp_path, storage_classes=wrong)


def test_compressed_contexts_are_the_most_frequent_first() -> None:
    made = [(str(item.abstract_syntax), *map(str, item.transfer_syntax)) for item in compressed_contexts([CT, MR])]
    assert made[:2] == [(CT, JPEG_LOSSLESS), (MR, JPEG_LOSSLESS)]
    assert len(made) == len(set(made)) > 40


def test_without_an_association_or_a_context_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def release(line: Any) -> None:
        line.done.append("released")

    monkeypatch.setattr(into_folder, "release", release)
    for call, model in ((get, "Get"), (move, "Move")):
        none = Association(said="refused")
        none.is_established = False
        assert call(Entity(none), tmp_path) == Retrieved(failure="refused")
        other = Association((CT, 0))
        failure = str(call(Entity(other), tmp_path).failure)
        assert failure.startswith("no context for Study Root") and failure.endswith(
            f"{model.upper()}: it was not proposed"
        )
        assert other.done == ["released"]


@pytest.mark.parametrize(
    ("contexts", "said", "words"),
    [
        ([(GET, 0), (CT, 0), (MR, 0)], "all 3", "CT Image Storage, MR Image Storage was accepted, and other"),
        ([(GET, 0), (CT, 0), (MR, 0)], "rejected some", "CT Image Storage, MR Image Storage was accepted, and other"),
        ([(GET, 0), (CT, 0), (MR, 3)], "rejected 1", "; rejected 1; other"),
        ([(GET, 0), (CT, 0), (MR, 3)], "all 3; but", "; all 3; but; other"),
    ],
)
def test_what_was_not_accepted_or_proposed_is_told_where_instances_failed(
    contexts: Any, said: str, words: str, tmp_path: Path, requests: list[Any]
) -> None:
    failed = response(0xB000)
    failed.NumberOfFailedSuboperations = 1
    requests.append([failed])
    got = get(Entity(Association(*contexts, said=said)), tmp_path, storage_classes=[CT, MR])
    assert words in str(got.failure)


@pytest.mark.parametrize(
    ("count", "words"), [(0, "; nothing was"), (4, "1.2.3 was accepted"), (5, "1.2.3 and 1 more was accepted")]
)
def test_only_some_of_what_was_accepted_is_named(count: int, words: str, tmp_path: Path, requests: list[Any]) -> None:
    failed = response(0xB000)
    failed.NumberOfFailedSuboperations = 1
    requests.append([failed])
    classes = [f"1.2.{number}" for number in range(count)]
    association = Association((GET, 0), *((uid, 0) for uid in classes))
    assert words in str(get(Entity(association), tmp_path, storage_classes=classes or [CT]).failure)


def test_by_default_what_the_usual_ones_lack_is_told(tmp_path: Path, requests: list[Any]) -> None:
    failed = response(0xB000)
    failed.NumberOfFailedSuboperations = 1
    requests.append([failed])
    got = get(Entity(Association((GET, 0))), tmp_path)
    assert "SOP classes that StoragePresentationContexts lacks" in str(got.failure)


def test_progress_is_told_and_may_stop_it_once(tmp_path: Path, requests: list[Any]) -> None:
    told: list[Any] = []

    def progress(how_far: Progress) -> bool:
        told.append(how_far.completed)
        return False

    association = Association((GET, 0), (CT, 0))
    requests.append([response(0xFF00, 1), Dataset(), response(0xFF00, 2), response(0xFE00, 2)])
    got = get(Entity(association), tmp_path, progress=progress)
    assert told == [1, 2, 2]
    assert requests[1:] == [((1,), {"query_model": GET})], "cancelled once"
    assert (got.status, got.completed) == (0xFE00, 2)
    assert "nobody cancelled" not in str(got.failure)


@pytest.mark.parametrize("answer", [None, True, 0])
def test_progress_that_says_nothing_stops_nothing(answer: Any, tmp_path: Path, requests: list[Any]) -> None:
    requests.append([response(0xFF00, 1), response(0x0000, 0)])
    get(Entity(Association((GET, 0), (CT, 0))), tmp_path, progress=lambda how_far: answer)
    assert len(requests) == 1


def test_what_has_ended_is_not_cancelled(tmp_path: Path, requests: list[Any]) -> None:
    association = Association((GET, 0), (CT, 0))

    def end() -> None:
        association.is_established = False

    requests.append([end, response(0xFF00, 1), Dataset()])
    got = get(Entity(association), tmp_path, progress=lambda how_far: False)
    assert len(requests) == 1 and got.status is None and got.completed == 1


def test_a_final_response_is_not_cancelled(tmp_path: Path, requests: list[Any]) -> None:
    requests.append([response(0x0000, 0)])
    get(Entity(Association((GET, 0), (CT, 0))), tmp_path, progress=lambda how_far: False)
    assert len(requests) == 1


@pytest.mark.parametrize("title", [None, "ELSEWHERE"])
def test_a_move_goes_to_a_server_of_ours(title: str | None, tmp_path: Path, requests: list[Any]) -> None:
    requests.append([response(0x0000, 1)])
    entity = Entity(Association((MOVE, 0)))
    got = move(entity, tmp_path, move_aet=title, ssl_context="tls", priority=0)
    ours = title or "OURS"
    address, blocks, tls, handlers, server_title, contexts = entity.served
    assert (address, blocks, tls, server_title) == (("", 11112), False, "tls", ours)
    assert handlers and len(contexts) == 184
    assert contexts[0].transfer_syntax[0] == "1.2.840.10008.1.2.1" and len(contexts[0].transfer_syntax) > 20
    assert [uid for uid, _ in proposed(entity)] == [MOVE]
    assert requests == [(b"query", ours, MOVE, 1, 0)]
    assert entity.active_associations[0].done == ["released"] and entity.server_left
    said = "the peer says that it has sent 1, but 0 arrived here"
    assert got.failure == f"{said}: does it know this address for '{ours}'?"


def test_the_server_takes_the_classes_that_are_wanted(tmp_path: Path, requests: list[Any]) -> None:
    requests.append([response(0x0000)])
    entity = Entity(Association((MOVE, 0)))
    move(entity, tmp_path, storage_classes=[CT, build_context(MR, IMPLICIT)], ae_title="PEER", max_pdu=9)
    ct, mr = entity.served[-1]
    assert (ct.abstract_syntax, mr.abstract_syntax, mr.transfer_syntax) == (CT, MR, [IMPLICIT])
    assert len(ct.transfer_syntax) > 20
    assert entity.asked[3:5] == ("PEER", 9)


@pytest.mark.parametrize("waits", [True, False])
def test_what_arrives_lets_the_peer_have_its_time_again(
    waits: bool, tmp_path: Path, requests: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[Any] = []

    def folder(path: Path, **options: Any) -> Any:
        folders.append(Folder(path, **options))
        return folders[-1]

    monkeypatch.setattr(under_way, "Folder", folder)
    for call, model, apart in ((get, GET, []), (move, MOVE, ["apart"])):
        association = Association((model, 0), (CT, 0))
        association.waits = waits
        requests[:] = [[lambda: folders[-1].arrived(), response(0x0000)]]
        call(Entity(association), tmp_path)
        assert association.done == [*apart, *([Timer.RESPONSE] if waits else []), "left"]
