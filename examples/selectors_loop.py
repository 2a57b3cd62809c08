"""A ``Connection`` alone in a loop of ``selectors``: ``python examples/selectors_loop.py HOST PORT``.

It asks a peer which transfer syntaxes it takes for CT images, and releases the association.  No message is sent, so
PDUs are enough; with a ``Session`` around the connection the same loop carries messages.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time

from dicomwire import Connection, RemoteProtocolError, Role
from dicomwire.pdu_items import MaximumLengthSubItem, PresentationContextItemRQ
from dicomwire.upper_layer import AssociateAccepted, AssociateRQ, ConnectionEvent, ReleaseRQ

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
SYNTAXES = {
    "implicit VR little endian": "1.2.840.10008.1.2",
    "explicit VR little endian": "1.2.840.10008.1.2.1",
    "JPEG 2000": "1.2.840.10008.1.2.4.91",
}
ACCEPTED = 0


def request() -> AssociateRQ:
    """One presentation context for each syntax, with the IDs 1, 3, ..."""
    return AssociateRQ(
        called_ae_title="ANY-SCP",
        calling_ae_title="EXAMPLE",
        presentation_context=tuple(
            PresentationContextItemRQ(
                context_id=2 * index + 1, abstract_syntax=CT_IMAGE_STORAGE, transfer_syntax=(syntax,)
            )
            for index, syntax in enumerate(SYNTAXES.values())
        ),
        user_information=(MaximumLengthSubItem(maximum_length=16382),),
    )


def drive(sock: socket.socket, connection: Connection) -> list[ConnectionEvent]:
    """Move bytes until the connection says that it is over; what happened."""
    happened: list[ConnectionEvent] = []
    sock.setblocking(False)
    unsent = b""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        while True:
            try:
                while (event := connection.next_event()) is not None:
                    happened.append(event)
                    if isinstance(event, AssociateAccepted):
                        connection.send(ReleaseRQ())
            except RemoteProtocolError as error:
                # The A-ABORT is queued: go on until the connection is closed.
                print("the peer broke the protocol:", error)
            unsent += b"".join(connection.data_to_send())
            if connection.closed and not unsent:
                return happened
            now = time.monotonic()
            deadline = connection.next_deadline(now)
            selector.modify(sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if unsent else 0))
            ready = selector.select(None if deadline is None else max(0.0, deadline - now))
            if not ready:
                connection.handle_deadline(time.monotonic())
            for _, mask in ready:
                try:
                    if mask & selectors.EVENT_WRITE:
                        unsent = unsent[sock.send(unsent) :]
                    if mask & selectors.EVENT_READ:
                        connection.receive_data(sock.recv(65536))
                except OSError:
                    # The peer is gone: nothing reaches it any more.
                    unsent = b""
                    connection.receive_data(b"")


def accepted_syntaxes(host: str, port: int) -> list[str] | None:
    """The names of what the peer takes; None if it took no association."""
    connection = Connection(Role.REQUESTOR)
    connection.send(request())
    with socket.create_connection((host, port), timeout=10) as sock:
        happened = drive(sock, connection)
    for event in happened:
        if isinstance(event, AssociateAccepted):
            taken = {item.context_id for item in event.pdu.presentation_context if item.result == ACCEPTED}
            return [name for index, name in enumerate(SYNTAXES) if 2 * index + 1 in taken]
    return None


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    names = accepted_syntaxes(sys.argv[1], int(sys.argv[2]))
    print("no association" if names is None else "\n".join(names))
    sys.exit(names is None)
