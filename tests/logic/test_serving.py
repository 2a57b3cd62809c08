"""Who serves a request of the peer, and what is answered where nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dicomwire import _config
from dicomwire.associations import serving
from dicomwire.associations.negotiated_contexts import NegotiatedContexts
from dicomwire.associations.negotiation import NegotiatedContext
from dicomwire.associations.request import Dispatch
from dicomwire.associations.serving import Dispatcher, serve, serve_as_library
from dicomwire.associations.sides import Sides
from dicomwire.dimse.accepted_contexts import AcceptedContext
from dicomwire.dimse.command import Command
from dicomwire.dimse.messages import (
    C_CANCEL_RQ,
    C_ECHO_RQ,
    C_FIND_RQ,
    C_GET_RQ,
    C_MOVE_RQ,
    C_STORE_RQ,
    N_ACTION_RQ,
    N_CREATE_RQ,
    N_DELETE_RQ,
    N_EVENT_REPORT_RQ,
    N_GET_RQ,
    N_SET_RQ,
)
from dicomwire.errors import LocalProtocolError
from dicomwire.services.given_status import Response
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.normalized_service_classes import PrintManagementServiceClass
from dicomwire.vocabulary.service_classes import (
    NonPatientObjectStorageServiceClass,
    QueryRetrieveServiceClass,
    ServiceClass,
    StorageServiceClass,
    VerificationServiceClass,
)

VERIFICATION, CT, FIND = "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.2.2.1"
FILM_SESSION, HANGING_PROTOCOL = "1.2.840.10008.5.1.1.1", "1.2.840.10008.5.1.4.38.1"
PRIVATE, OWN = "1.2.3.4.5", "1.2.3.4.6"
IMPLICIT = "1.2.840.10008.1.2"


def dispatcher(uid: str, sides: Sides | None = None, *, as_scp: bool = True, result: int = 0) -> Dispatcher:
    contexts = NegotiatedContexts()
    contexts.set([NegotiatedContext(3, uid, (IMPLICIT,), result, as_scu=True, as_scp=as_scp)])
    return Dispatcher(sides or Sides(Role.ACCEPTOR), contexts)


def find(made: Dispatcher, field: int, *, on: str, context_id: int = 3, **said: Any) -> Dispatch:
    return made.find(AcceptedContext(context_id, on, IMPLICIT), Command(command_field=field, message_id=1, **said))


def stored(uid: str) -> dict[str, Any]:
    return {"affected_sop_class_uid": uid, "affected_sop_instance_uid": "1.2.3"}


def test_the_service_class_of_the_sop_class_serves_what_it_says_it_does() -> None:
    echo: dict[str, Any] = {"affected_sop_class_uid": VERIFICATION}
    assert find(dispatcher(VERIFICATION), C_ECHO_RQ, on=VERIFICATION, **echo) == (VerificationServiceClass, None)
    assert find(dispatcher(CT), C_STORE_RQ, on=CT, **stored(CT)) == (StorageServiceClass, None)
    assert find(dispatcher(CT), C_ECHO_RQ, on=CT, **echo) == (VerificationServiceClass, None)
    assert find(dispatcher(FIND), C_FIND_RQ, on=FIND) == (QueryRetrieveServiceClass, None)
    assert find(dispatcher(FIND), C_MOVE_RQ, on=FIND, move_destination="A") == (QueryRetrieveServiceClass, 0x0211)
    held = find(dispatcher(HANGING_PROTOCOL), C_STORE_RQ, on=HANGING_PROTOCOL, **stored(HANGING_PROTOCOL))
    assert held == (NonPatientObjectStorageServiceClass, None)


def test_the_sop_class_is_the_one_that_is_affected_or_requested_or_else_that_of_the_context() -> None:
    named: dict[str, Any] = {"requested_sop_class_uid": FILM_SESSION, "requested_sop_instance_uid": "1.2.3"}
    assert find(dispatcher(PRIVATE), N_DELETE_RQ, on=PRIVATE, **named) == (PrintManagementServiceClass, None)
    both: dict[str, Any] = named | {"affected_sop_class_uid": CT}
    assert find(dispatcher(PRIVATE), N_DELETE_RQ, on=PRIVATE, **both) == (StorageServiceClass, 0x0211)
    assert find(dispatcher(CT), N_DELETE_RQ, on=CT, **named) == (PrintManagementServiceClass, None)


@pytest.mark.parametrize(
    ("field", "uid", "lacking"),
    [
        (C_STORE_RQ, CT, 0xC000),
        (C_MOVE_RQ, "1.2.840.10008.5.1.4.1.2.2.2", 0xC000),
        (N_EVENT_REPORT_RQ, FILM_SESSION, 0x0120),
        (N_SET_RQ, FILM_SESSION, 0x0120),
        (N_DELETE_RQ, FILM_SESSION, 0x0120),
    ],
)
def test_what_lacks_something_that_it_must_name_is_refused(field: int, uid: str, lacking: int) -> None:
    found = find(dispatcher(uid), field, on=uid)
    assert found.refused == lacking and found.service_class is not ServiceClass


def test_each_request_is_looked_at_for_what_it_lacks_though_who_serves_it_is_known() -> None:
    made = dispatcher(CT)
    assert find(made, C_STORE_RQ, on=CT, **stored(CT)).refused is None
    assert find(made, C_STORE_RQ, on=CT, affected_sop_class_uid=CT).refused == 0xC000
    assert find(made, C_STORE_RQ, on=CT, **stored(CT)).refused is None
    assert find(made, C_STORE_RQ, on=CT, context_id=5, **stored(CT)).refused == 0x0122
    assert find(made, N_SET_RQ, on=CT).refused == 0x0211, "not what it lacks, where nobody serves it"


def test_who_serves_a_kind_of_request_is_found_out_once_for_a_thousand_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    made, asked = dispatcher(CT), []
    known = Dispatcher._find

    def count(self: Dispatcher, context_id: int, field: int, uid: str) -> Dispatch:
        asked.append(uid)
        return known(self, context_id, field, uid)

    monkeypatch.setattr(Dispatcher, "_find", count)
    for _ in range(2):
        find(made, C_STORE_RQ, on=CT, **stored(CT))
    assert asked == [CT]
    monkeypatch.setattr(serving, "_MOST_KNOWN", 2)
    for uid in (PRIVATE, OWN, OWN, PRIVATE):
        find(made, C_STORE_RQ, on=CT, **stored(uid))
    assert asked == [CT, PRIVATE, OWN, OWN]


def test_what_is_no_request_of_a_service_is_not_recognized() -> None:
    made = dispatcher(CT)
    assert made._find(3, C_CANCEL_RQ, CT) == (ServiceClass, 0x0211)


@pytest.mark.parametrize(("as_scp", "result"), [(False, 0), (True, 3)])
def test_where_we_are_not_the_scp_nothing_is_served(as_scp: bool, result: int) -> None:
    made = dispatcher(CT, as_scp=as_scp, result=result)
    assert find(made, C_STORE_RQ, on=CT, **stored(CT)) == (ServiceClass, 0x0122)


def test_events_are_reported_to_who_is_not_the_scp() -> None:
    made = dispatcher(FILM_SESSION, as_scp=False)
    said: dict[str, Any] = {"affected_sop_class_uid": "1.2.840.10008.5.1.1.16", "affected_sop_instance_uid": "1.2.3"}
    found = find(made, N_EVENT_REPORT_RQ, on=FILM_SESSION, event_type_id=1, **said)
    assert found == (PrintManagementServiceClass, None)
    assert find(made, N_EVENT_REPORT_RQ, on=FILM_SESSION, context_id=5, event_type_id=1, **said).refused == 0x0122


@pytest.mark.parametrize(
    ("role", "proposed", "granted", "refused"),
    [
        (Role.REQUESTOR, {CT: (False, True)}, {}, None),
        (Role.REQUESTOR, {CT: (False, True)}, {VERIFICATION: (False, True)}, None),
        (Role.REQUESTOR, {CT: (False, True)}, {CT: (True, False)}, 0x0122),
        (Role.REQUESTOR, {CT: (True, False)}, {}, 0x0122),
        (Role.REQUESTOR, {VERIFICATION: (False, True)}, {}, 0x0122),
        (Role.ACCEPTOR, {CT: (False, True)}, {}, 0x0122),
    ],
)
def test_who_was_not_answered_when_it_asked_to_be_scp_takes_instances_nevertheless(
    role: Role, proposed: Any, granted: Any, refused: int | None
) -> None:
    sides: Any = Sides(role)
    sides.requestor.roles = lambda: proposed
    sides.acceptor.roles = lambda: granted
    made = dispatcher(CT, sides, as_scp=False)
    assert find(made, C_STORE_RQ, on=CT, **stored(CT)).refused == refused
    assert find(made, C_ECHO_RQ, on=CT, affected_sop_class_uid=VERIFICATION).refused == 0x0122


def test_a_peer_may_say_which_service_class_a_sop_class_belongs_to() -> None:
    sides = Sides(Role.ACCEPTOR)
    sides.acceptor.accepted_common = {PRIVATE: (StorageServiceClass.uid, [])}
    assert find(dispatcher(PRIVATE, sides), C_STORE_RQ, on=PRIVATE, **stored(PRIVATE)) == (StorageServiceClass, None)


def test_an_unknown_sop_class_is_told_and_refused(caplog: pytest.LogCaptureFixture) -> None:
    assert find(dispatcher(PRIVATE), C_STORE_RQ, on=PRIVATE, **stored(PRIVATE)) == (ServiceClass, 0x0122)
    assert find(dispatcher(PRIVATE), C_FIND_RQ, on=PRIVATE) == (ServiceClass, 0x0118)
    texts = [record.getMessage() for record in caplog.records]
    assert texts == [f"no service class for SOP class {PRIVATE}: see dicomwire.register_uid()"] * 2
    caplog.clear()
    assert find(dispatcher(CT), C_FIND_RQ, on=CT) == (StorageServiceClass, 0x0211)
    assert not caplog.records


def test_with_unrestricted_storage_everything_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    made = dispatcher(PRIVATE)
    assert find(made, C_STORE_RQ, on=PRIVATE, **stored(PRIVATE)).refused == 0x0122
    monkeypatch.setattr(_config, "UNRESTRICTED_STORAGE_SERVICE", True)
    assert find(made, C_STORE_RQ, on=PRIVATE, **stored(PRIVATE)) == (StorageServiceClass, None)
    assert find(made, C_FIND_RQ, on=PRIVATE) == (ServiceClass, 0x0118)


class Own(ServiceClass):
    """A user's."""

    def SCP(self, req: Any, context: Any) -> Any:
        return self.assoc(req, context)


def test_a_service_class_of_the_users_serves_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "uid_to_service_class", {OWN: Own}.get)
    for field in (C_FIND_RQ, N_GET_RQ, N_CREATE_RQ):
        named: dict[str, Any] = {"requested_sop_instance_uid": "1.2.3"} if field == N_GET_RQ else {}
        assert find(dispatcher(OWN), field, on=OWN, **named) == (Own, None)


class Request:
    """As much of one as is looked at."""

    primitive, context_tuple, message_id = "a primitive", "a context", 7

    def __init__(self, service_class: type[ServiceClass], field: int = C_ECHO_RQ, unserved: int | None = None) -> None:
        self.command = Command(command_field=field, message_id=7, requested_sop_class_uid="1.2.9")
        self.context = AcceptedContext(3, VERIFICATION, IMPLICIT)
        self.service_class, self.unserved = service_class, unserved
        self.sent: list[Any] = []
        self.settled: list[bool] = []
        self.has_ended = False
        self.line: Any = self
        self.session: Any = self
        self.serving = {7}
        self.called: list[Any] = []
        self.by_hand: list[Any] = []
        self.error: Exception | None = None

    def association(self, *args: Any) -> str:
        """What the user's service class has done with it."""
        assert self.by_hand == [self]
        self.called.append(args)
        if self.error:
            raise self.error
        return "done"

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    async def send(self, context_id: int, response: Command, data: Any = None) -> None:
        if self.has_ended:
            raise LocalProtocolError("over")
        self.sent.append((context_id, response.message_id_being_responded_to, response.status, data))

    async def respond(self, response: Command, data: Any = None) -> None:
        await self.send(3, response, data)

    def settle(self, *, kept: bool) -> None:
        self.settled.append(kept)

    def served(self) -> list[Any]:
        given: Any = self
        asyncio.run(serve(given, self.by_hand))
        assert self.by_hand == []
        return self.sent


def test_what_nobody_serves_is_answered_and_told(caplog: pytest.LogCaptureFixture) -> None:
    request = Request(ServiceClass, C_FIND_RQ, 0x0118)
    assert request.served() == [(3, 7, 0x0118, None)]
    assert [record.getMessage() for record in caplog.records] == ["C-FIND-RQ on SOP class 1.2.9 answered 0x0118"]


@pytest.mark.parametrize(("response", "sent"), [(None, []), ("data", [(3, 7, 0x0000, "data")])])
def test_a_service_says_what_to_answer_or_nothing(
    response: str | None, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def service(request: Any) -> Response | None:
        given: Any = Command(command_field=0x8030, message_id_being_responded_to=7, status=0), response
        return None if response is None else given

    monkeypatch.setitem(serving.SERVICES, C_ECHO_RQ, service)
    request = Request(VerificationServiceClass)
    assert request.served() == sent
    given: Any = request
    asyncio.run(serve_as_library(given, QueryRetrieveServiceClass))
    assert request.sent == sent * 2
    assert request.service_class is QueryRetrieveServiceClass


def test_what_cannot_be_answered_any_more_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    request = Request(ServiceClass, unserved=0x0118)
    request.has_ended = True
    assert request.served() == []
    assert caplog.records[-1].getMessage() == "the association ended before the response to message ID 7"


def test_a_service_class_of_the_users_is_asked_with_the_primitive_and_answers_itself() -> None:
    request = Request(Own)
    assert request.served() == []
    assert (request.called, request.settled) == ([("a primitive", "a context")], [True, False])


@pytest.mark.parametrize("serving", [{7}, set()])
def test_where_that_raises_a_failure_is_answered_unless_it_has_answered(
    serving: set[int], caplog: pytest.LogCaptureFixture
) -> None:
    request = Request(Own)
    request.error, request.serving = ValueError("no"), serving
    assert request.served() == ([(3, 7, 0x0110, None)] if serving else [])
    assert request.settled == [False]
    (record,) = caplog.records
    assert record.getMessage() == "Own.SCP raised" and record.exc_info


def test_where_it_finds_the_association_at_an_end_nothing_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    request = Request(Own)
    request.error = LocalProtocolError("over")
    assert request.served() == []
    assert (request.settled, caplog.records) == ([False], [])


def test_each_service_has_its_requests() -> None:
    dimse_c = {C_ECHO_RQ, C_STORE_RQ, C_FIND_RQ, C_GET_RQ, C_MOVE_RQ}
    dimse_n = {N_ACTION_RQ, N_CREATE_RQ, N_DELETE_RQ, N_EVENT_REPORT_RQ, N_GET_RQ, N_SET_RQ}
    assert {*serving.SERVICES} == dimse_c | dimse_n
