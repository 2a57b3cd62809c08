"""Events of bytes, PDUs and state transitions: recorded only while somebody listens, and told of afterwards."""

from __future__ import annotations

from dicomwire.associations import events as evt
from dicomwire.associations.handlers import Handlers
from dicomwire.upper_layer.connection import Connection
from dicomwire.upper_layer.limits import Limits
from dicomwire.upper_layer.pdus import decode_pdu
from dicomwire.upper_layer.tap import PDUReceived, PDUSent, Tap

_BYTES_AND_PDUS = (evt.EVT_DATA_SENT, evt.EVT_DATA_RECV, evt.EVT_PDU_SENT, evt.EVT_PDU_RECV)
_OURS = Limits(contexts=1 << 16, transfer_syntaxes=1 << 16)
"""What we send ourselves is shown, however few a peer may propose."""

_TAPPED = (*_BYTES_AND_PDUS, evt.EVT_FSM_TRANSITION)


def adjust_tap(connection: Connection, handlers: Handlers) -> None:
    """Record what crosses the connection only as far as somebody listens now."""
    bound = handlers.bound
    for event in _TAPPED:
        if bound[event]:
            break
    else:
        connection.tap = None
        return
    heard = handlers.table.heard()
    listening = {event for event in _TAPPED if heard.get(event)}
    if not listening:
        connection.tap = None
        return
    if connection.tap is None:
        connection.tap = Tap()
    mine = any(
        item[0] not in handlers.table.library
        for event in listening.intersection(_BYTES_AND_PDUS)
        for item in handlers.listeners(event)
    )
    connection.tap.p_data = mine
    connection.tap.transitions = evt.EVT_FSM_TRANSITION in listening


async def report_tap(connection: Connection, handlers: Handlers) -> None:
    """Tell of what was recorded."""
    if connection.tap is None:
        return
    for record in connection.tap.take():
        if isinstance(record, PDUSent):
            await handlers.notify(evt.EVT_DATA_SENT, data=record.data)
            await handlers.notify(evt.EVT_PDU_SENT, pdu=decode_pdu(record.data, _OURS))
        elif isinstance(record, PDUReceived):
            await handlers.notify(evt.EVT_DATA_RECV, data=record.data)
            await handlers.notify(evt.EVT_PDU_RECV, pdu=decode_pdu(record.data, connection.limits))
        else:
            await handlers.notify(
                evt.EVT_FSM_TRANSITION,
                action=record.action,
                current_state=record.state.label,
                fsm_event=record.input.label,
                next_state=record.then.label,
            )
