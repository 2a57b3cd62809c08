"""The table of handlers, as threads bind and look at the same time."""

from __future__ import annotations

from typing import Any

from dicomwire import evt
from dicomwire.associations.handlers import HandlerTable


def test_a_handler_bound_while_another_thread_looks_is_heard_of() -> None:
    looked: list[Any] = []

    class Handler:
        """Compared while it is bound: what another thread would see at that moment."""

        def __call__(self, event: evt.Event) -> None: ...

        def __eq__(self, other: object) -> bool:
            looked.append(table.listeners(evt.EVT_PDU_RECV))
            return self is other

        __hash__ = object.__hash__

    table = HandlerTable()
    library, one, other = Handler(), Handler(), Handler()
    table.bind_library([(evt.EVT_PDU_RECV, library)])
    table.bind(evt.EVT_PDU_RECV, one)
    before = table.listeners(evt.EVT_PDU_RECV)
    table.bind(evt.EVT_PDU_RECV, other)
    assert looked
    assert [item[0] for item in table.listeners(evt.EVT_PDU_RECV)] == [one, other]
    assert len(before) == 1
    table.unbind(evt.EVT_PDU_RECV, one)
    assert [item[0] for item in table.listeners(evt.EVT_PDU_RECV)] == [other]
