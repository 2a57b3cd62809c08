"""What serves one connection of a server, in its thread."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any

from dicomwire.associations.accepting import serve_connection
from dicomwire.blocking.association import Association
from dicomwire.blocking.channel import SocketChannel
from dicomwire.sockets.addresses import AddressInformation, end_of, information_of
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.tls_words import tell_failed_handshake

if TYPE_CHECKING:
    from dicomwire.blocking.entity import AE
    from dicomwire.blocking.server import AssociationServer


class RequestHandler:
    """Takes up one connection, in its own thread: makes the association and serves it to its end."""

    def __init__(self, request: socket.socket, client_address: tuple[Any, ...], server: AssociationServer) -> None:
        self.request = request
        self.client_address = client_address
        self.server = server
        self.setup()
        try:
            self.handle()
        finally:
            self.finish()

    def setup(self) -> None:
        """Called before :meth:`handle`; for subclasses."""

    def finish(self) -> None:
        """Called after :meth:`handle`, also if that raised; for subclasses."""

    @property
    def ae(self) -> AE:
        return self.server.ae

    @property
    def local(self) -> AddressInformation:
        """Where the peer reached us."""
        family = self.request.family
        information: AddressInformation = information_of(family)(end_of(self.request.getsockname()))
        return information

    @property
    def remote(self) -> AddressInformation:
        """Where the peer is."""
        information: AddressInformation = information_of(self.request.family)(self.client_address)
        return information

    def handle(self) -> None:
        """Serve the association to its end."""
        association = self._create_association()
        try:
            if self._handshake(association):
                channel = SocketChannel(self.request, association._new_session(), association._lock)
                association._run(serve_connection(association, channel, self.server))
            else:
                association.kill()
        finally:
            self.server._forget(association)
            self.request.close()

    def _handshake(self, association: Association) -> bool:
        """Finish the TLS handshake, in the time a peer has for its association request."""
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(self.ae.acse_timeout)
            try:
                self.request.do_handshake()
            except (OSError, ValueError) as error:
                tell_failed_handshake(association, error)
                return False
        return True

    def _create_association(self) -> Association:
        """The association for this connection; a subclass may make another."""
        association = Association(self.ae, Role.ACCEPTOR, self.server._handlers)
        family = self.request.family
        association.requestor._set_address(self.client_address, information_of(family))
        association.acceptor._set_address(end_of(self.request.getsockname()), information_of(family))
        self.server._adopt(association)
        return association
