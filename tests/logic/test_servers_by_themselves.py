"""What servers share, without one that listens: settings, handlers, and whom they let in."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from dicomwire import Allowed, _config, build_context, evt
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.server_base import ServerBase, handler_table, library_table

VERIFICATION, CT = "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.2"
ADDRESS = ("192.0.2.7", 104)


@pytest.fixture(autouse=True)
def _level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_config, "LOG_HANDLER_LEVEL", "standard")
    monkeypatch.setattr(_config, "UNRESTRICTED_STORAGE_SERVICE", False)


def server_of(ae: ApplicationEntityBase | None = None, title: Any = None, handlers: Any = None) -> Any:
    made: Any = ServerBase(ae or ApplicationEntityBase("OURS"), title, [build_context(VERIFICATION)], handlers)
    return made


class Association:
    """As much of one as a server knows."""

    def __init__(self, *, is_own: bool = False, is_closed: bool = False) -> None:
        self.done: list[Any] = []
        self.accepted_connection = object()
        self.acceptor: Any = SimpleNamespace(ae_title="", contexts=[])
        self.line: Any = SimpleNamespace(
            standing=SimpleNamespace(is_closed=is_closed),
            handlers=SimpleNamespace(is_own=is_own),
            sides=SimpleNamespace(acceptor=self.acceptor),
            adjust_tap=lambda: self.done.append("tap"),
        )
        self.is_acceptor, self.is_requestor = True, False

    def bind(self, *what: Any) -> None:
        self.done.append(("bind", *what))

    def unbind(self, *what: Any) -> None:
        self.done.append(("unbind", *what))


def one(event: evt.Event) -> None: ...


def other(event: evt.Event, number: int) -> None: ...


def test_handlers_are_bound_with_and_without_arguments() -> None:
    table = handler_table([(evt.EVT_ACCEPTED, one), (evt.EVT_ACCEPTED, other, [1])])
    assert table.handlers(evt.EVT_ACCEPTED) == [(one, None), (other, [1])]
    assert not library_table().own[evt.EVT_ACCEPTED]


def test_the_library_logs_unless_it_is_told_not_to(monkeypatch: pytest.MonkeyPatch) -> None:
    standard = library_table()
    assert standard is library_table()
    assert len(standard.handlers(evt.EVT_DIMSE_RECV)) == 1
    monkeypatch.setattr(_config, "LOG_HANDLER_LEVEL", "none")
    assert library_table().handlers(evt.EVT_DIMSE_RECV) == []
    assert handler_table(None).handlers(evt.EVT_DIMSE_RECV) == []


def test_the_title_is_its_own_or_else_that_of_the_ae() -> None:
    assert server_of().ae_title == "OURS"
    assert server_of(title="OTHER").ae_title == "OTHER"
    with pytest.raises(ValueError, match="'ae_title' must not be empty"):
        server_of(title="  ")
    with pytest.raises(TypeError, match=r"'ae_title' must be str, not int"):
        server_of(title=7)


def test_without_contexts_nobody_could_be_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    ae = ApplicationEntityBase()
    with pytest.raises(ValueError, match="no supported presentation contexts"):
        ServerBase(ae, None, None, None)
    monkeypatch.setattr(_config, "UNRESTRICTED_STORAGE_SERVICE", True)
    unrestricted: Any = ServerBase(ae, None, None, None)
    assert unrestricted.contexts == []
    assert unrestricted.supported().supported == {}
    ae.add_supported_context(CT)
    of_the_ae: Any = ServerBase(ae, None, None, None)
    assert of_the_ae.contexts == ae.supported_contexts
    assert of_the_ae.contexts[0] is not ae.supported_contexts[0]


def test_contexts_are_made_anew_only_when_they_have_changed() -> None:
    server = server_of()
    before = server.supported()
    assert list(before.supported) == [VERIFICATION]
    assert server.supported() is before
    server.contexts.append(build_context(CT))
    after = server.supported()
    assert list(after.supported) == [VERIFICATION, CT]
    assert server.supported() is after


def test_its_repr_says_where_it_is_and_how_busy() -> None:
    server = server_of()
    assert repr(server) == "<ServerBase 'OURS': listening, 0 active associations>"
    server.server_address = ADDRESS
    server.adopt(Association())
    server.adopt(Association(is_closed=True))
    assert repr(server) == "<ServerBase 'OURS' on 192.0.2.7:104: listening, 1 active associations>"
    server._stopped = SimpleNamespace(is_set=lambda: True)
    assert server.state == "stopped"
    assert repr(server).endswith(": stopped, 1 active associations>")


@pytest.mark.parametrize("is_own", [False, True])
def test_associations_that_run_hear_of_handlers(is_own: bool) -> None:
    server = server_of()
    running, closed = Association(is_own=is_own), Association(is_own=is_own, is_closed=True)
    server.adopt(running)
    server.adopt(closed)
    server.bind(evt.EVT_ACCEPTED, other, [1])
    assert server.get_handlers(evt.EVT_ACCEPTED) == [(other, [1])]
    assert evt.EVT_ACCEPTED in server.get_events()
    server.unbind(evt.EVT_ACCEPTED, other)
    assert server.get_handlers(evt.EVT_ACCEPTED) == []
    bound, unbound = ("bind", evt.EVT_ACCEPTED, other, [1]), ("unbind", evt.EVT_ACCEPTED, other)
    assert running.done == ([bound, "tap", unbound, "tap"] if is_own else ["tap", "tap"])
    assert closed.done == []


def test_whoever_is_in_no_allowed_network_is_not_wanted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dicomwire")
    server = server_of()
    server.ae.allowed = Allowed(networks=["10.0.0.0/8"])
    assert server.arrived("connection", ADDRESS, 0.0, lambda: None) is False
    assert len(server.ae.half_open) == 0
    assert "a connection from 192.0.2.7:104 was refused" in caplog.text
    server.ae.allowed = Allowed(networks=["192.0.2.0/24"])
    assert server.arrived("connection", ADDRESS, 0.0, lambda: None) is True
    assert len(server.ae.half_open) == 1


def test_who_has_arrived_and_says_nothing_goes_for_others() -> None:
    server = server_of()
    server.ae.half_open.maximum_per_address = 1
    ended: list[str] = []
    assert server.arrived("a", ADDRESS, 0.0, lambda: ended.append("a"))
    assert server.arrived("b", ("192.0.2.8", 104), 0.0, lambda: ended.append("b"))
    assert server.arrived("c", ADDRESS, 60.0, lambda: ended.append("c"))
    assert ended == ["a"]
    server.departed("c")
    server.departed("c")
    assert len(server.ae.half_open) == 1


def test_an_association_gets_the_title_and_the_contexts_and_is_in_both_registers_until_it_ends() -> None:
    server = server_of(title="OTHER")
    association = Association()
    assert server.arrived(association.accepted_connection, ADDRESS, 0.0, lambda: None)
    server.adopt(association)
    assert association.acceptor.ae_title == "OTHER"
    assert association.acceptor.contexts is server.contexts
    assert server.active_associations == [association]
    assert server.ae.running_associations.all() == [association]
    server.forget(association)
    assert (server.active_associations, server.ae.running_associations.all()) == ([], [])
    assert len(server.ae.half_open) == 0
