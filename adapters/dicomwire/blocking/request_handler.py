"""What serves one connection of a server, in its thread."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from dicomwire._logging import logger, shown_address
from dicomwire.associations.accepting import serve_connection
from dicomwire.associations.proxied import Proxied
from dicomwire.associations.server_base import ServerBase
from dicomwire.blocking.association import Association
from dicomwire.blocking.introducing import introduced
from dicomwire.blocking.tls_handshake import shake_hands
from dicomwire.sockets.addresses import AddressInformation, end_of, family_of, family_of_client, information_of
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.tls_words import tell_failed_handshake

LOGGER = logger(__name__)


class RequestHandler:
    """Takes up one connection, in its own thread: makes the association and serves it to its end."""

    def __init__(
        self, request: socket.socket, client_address: tuple[Any, ...], server: ServerBase[Association]
    ) -> None:
        self.request: socket.socket = request
        self.client_address: tuple[Any, ...] = client_address
        self.server = server
        self._proxied: Proxied | None = None
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
    def ae(self) -> Any:
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
        information: AddressInformation = information_of(self._client_family)(self.client_address)
        return information

    def handle(self) -> None:
        """Serve the association to its end."""
        if self.server.is_unintroduced(self.request) and not self._is_introduced():
            self.server.departed(self.request)
            self.request.close()
            return
        association = self._create_association()
        association.accepted_connection = self.request
        try:
            if self._handshake(association):
                channel = association.host.channel_over_socket(self.request)
                association.host.run(serve_connection(association, channel, self.server))
            else:
                association.kill()
        finally:
            self.server.forget(association)
            if self.request.fileno() >= 0:
                self.request.close()

    def _is_introduced(self) -> bool:
        """The proxy that has connected has said for whom: from here on that is the client."""
        context: ssl.SSLContext | None = getattr(self.server, "ssl_context", None)
        heard = None
        try:
            heard = introduced(self.server, self.request, self.client_address, self.ae.acse_timeout, context)
        except OSError as error:
            where = shown_address(self.client_address)
            LOGGER.info("a connection from the proxy at %s has ended: %s", where, error)
        if heard is None:
            return False
        self._proxied, self.request = heard
        self.client_address = self._proxied.client
        return True

    @property
    def _client_family(self) -> int:
        family = family_of(self.request)
        return family if self._proxied is None else family_of_client(self._proxied, family)

    def _handshake(self, association: Association) -> bool:
        """Finish the TLS handshake, in the time of ``Timeouts.handshake``."""
        try:
            shake_hands(self.request, association.timeouts.handshake)
        except (OSError, ValueError) as error:
            tell_failed_handshake(association, error)
            return False
        return True

    def _create_association(self) -> Association:
        """The association for this connection; a subclass may make another."""
        association = Association(self.ae, Role.ACCEPTOR, self.server.handler_table, self.server.trace)
        sides, family = association.line.sides, family_of(self.request)
        sides.requestor.is_at(self.client_address, information_of(self._client_family))
        sides.acceptor.is_at(end_of(self.request.getsockname()), information_of(family))
        sides.proxied = self._proxied
        self.server.adopt(association)
        return association
