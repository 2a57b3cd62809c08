"""A ``Session`` in Twisted: ``python examples/twisted_protocol.py PORT``, until the end of the input.

It answers whoever verifies that somebody is there.  Twisted has the sockets and the clock.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from twisted.internet import protocol, reactor as twisted_reactor, stdio
from twisted.python.failure import Failure

from dicomwire import Connection, MessageReceived, RemoteProtocolError, Role, Session
from dicomwire.dimse import answer
from dicomwire.negotiation import Supported, accept_contexts
from dicomwire.pdu_items import PresentationContextItemAC
from dicomwire.upper_layer import AssociateAC, AssociateRequested, ReleaseRequested, ReleaseRP

SUPPORTED = {"1.2.840.10008.1.1": Supported(("1.2.840.10008.1.2", "1.2.840.10008.1.2.1"))}
SUCCESS = 0x0000

reactor: Any = twisted_reactor


class Verification(protocol.Protocol):
    """One association."""

    transport: Any

    def connectionMade(self) -> None:
        self.session = Session(Connection(Role.ACCEPTOR))
        self.timer: Any = None
        self.go_on()

    def dataReceived(self, data: bytes) -> None:
        self.session.receive_data(data)
        self.go_on()

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        self.session.receive_data(b"")
        self.go_on()

    def expire(self) -> None:
        self.timer = None
        self.session.handle_deadline(time.monotonic())
        self.go_on()

    def go_on(self) -> None:
        """All events, all output, and the next deadline."""
        session = self.session
        try:
            while (event := session.next_event()) is not None:
                self.react(event)
        except RemoteProtocolError as error:
            print("the peer broke the protocol:", error)
        self.transport.writeSequence([bytes(buffer) for buffer in session.data_to_send()])
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if session.connection.closed:
            # What was written goes out before.
            self.transport.loseConnection()
            return
        now = time.monotonic()
        deadline = session.next_deadline(now)
        if deadline is not None:
            self.timer = reactor.callLater(max(0.0, deadline - now), self.expire)

    def react(self, event: object) -> None:
        session = self.session
        if isinstance(event, AssociateRequested):
            outcomes, _ = accept_contexts(event.pdu.presentation_context, SUPPORTED, {})
            called, calling = event.pdu.titles
            contexts = tuple(
                PresentationContextItemAC(
                    context_id=item.context_id, result=item.result, transfer_syntax=item.transfer_syntax
                )
                for item in outcomes
            )
            session.send(AssociateAC(called_ae_title=called, calling_ae_title=calling, presentation_context=contexts))
        elif isinstance(event, MessageReceived):
            session.send_message(event.context_id, answer(event.command, SUCCESS))
        elif isinstance(event, ReleaseRequested):
            session.send(ReleaseRP())


class Input(protocol.Protocol):
    """The end of the standard input is the end."""

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        reactor.stop()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    factory: Any = protocol.Factory.forProtocol(Verification)
    listening = reactor.listenTCP(int(sys.argv[1]), factory, interface="127.0.0.1")
    print("port", listening.getHost().port, flush=True)
    standard_io: Any = stdio.StandardIO
    standard_io(Input())
    reactor.run()
