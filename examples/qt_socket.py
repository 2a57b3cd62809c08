"""A ``Session`` in the event loop of Qt: ``python examples/qt_socket.py HOST PORT``, with PySide6.

It verifies that a peer is there.  The socket, the timer and the loop are Qt's; the window that they would belong to is
left out.
"""

from __future__ import annotations

import sys
import time

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal
from PySide6.QtNetwork import QTcpSocket

from dicomwire import Command, Connection, MessageReceived, RemoteProtocolError, Role, Session, Timeouts
from dicomwire.pdu_items import PresentationContextItemRQ
from dicomwire.upper_layer import AssociateAccepted, AssociateRQ, ReleaseRQ, State

VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
C_ECHO_RQ = 0x0030


class Echo(QObject):
    """One C-ECHO, told by a signal: the status, or -1 if there was none."""

    finished = Signal(int)

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self.status = -1
        self.session = Session(Connection(Role.REQUESTOR, timeouts=Timeouts(response=10.0)))
        self.socket = QTcpSocket(self)
        self.timer = QTimer(self, singleShot=True)
        self.socket.connected.connect(self.begin)
        self.socket.readyRead.connect(self.receive)
        self.socket.disconnected.connect(self.receive)
        self.socket.errorOccurred.connect(self.fail)
        self.timer.timeout.connect(self.expire)
        self.socket.connectToHost(host, port)

    def begin(self) -> None:
        context = PresentationContextItemRQ(
            context_id=1, abstract_syntax=VERIFICATION, transfer_syntax=(IMPLICIT_LITTLE_ENDIAN,)
        )
        self.session.send(
            AssociateRQ(called_ae_title="ANY-SCP", calling_ae_title="QT", presentation_context=(context,))
        )
        self.go_on()

    def receive(self) -> None:
        """What has come; nothing is the end of the stream."""
        self.session.receive_data(self.socket.readAll().data())
        self.go_on()

    def fail(self) -> None:
        """The connection is lost, or there is none."""
        if self.session.connection.state is State.STA1:
            self.finished.emit(self.status)
        else:
            self.receive()

    def expire(self) -> None:
        self.session.handle_deadline(time.monotonic())
        self.go_on()

    def go_on(self) -> None:
        """All events, all output, and the next deadline."""
        try:
            while (event := self.session.next_event()) is not None:
                if isinstance(event, AssociateAccepted):
                    request = Command(command_field=C_ECHO_RQ, message_id=1, affected_sop_class_uid=VERIFICATION)
                    self.session.send_message(1, request)
                elif isinstance(event, MessageReceived):
                    self.status = event.command.status or 0
                    self.session.send(ReleaseRQ())
        except RemoteProtocolError as error:
            print("the peer broke the protocol:", error)
        for buffer in self.session.data_to_send():
            # Qt keeps what the socket does not take at once.
            self.socket.write(bytes(buffer))
        if self.session.connection.closed:
            self.timer.stop()
            self.socket.blockSignals(True)
            self.socket.disconnectFromHost()
            self.finished.emit(self.status)
            return
        now = time.monotonic()
        deadline = self.session.next_deadline(now)
        if deadline is not None:
            self.timer.start(int(1000 * max(0.0, deadline - now)) + 1)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    application = QCoreApplication(sys.argv)
    echo = Echo(sys.argv[1], int(sys.argv[2]))
    echo.finished.connect(application.quit)
    application.exec()
    print("no answer" if echo.status < 0 else f"status 0x{echo.status:04X}")
    sys.exit(echo.status != 0)
