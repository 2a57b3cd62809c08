"""The application entity for programs without an event loop."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from dicomwire._logging import logger, shown_address
from dicomwire.associations import events as evt
from dicomwire.associations.accepting import serve_over
from dicomwire.associations.coroutines import run
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.requesting import ChannelDialer, RequestOptions, associate
from dicomwire.associations.server_base import ServerBase
from dicomwire.blocking.association import Association
from dicomwire.blocking.blocking_verbs import completed
from dicomwire.blocking.eventlet_refused import refuse_eventlet
from dicomwire.blocking.thread_dialer import ThreadDialer
from dicomwire.blocking.thread_draining import abort_all, drain as give_time
from dicomwire.blocking.transport_channel import Transport
from dicomwire.compat.pdu_primitives import NegotiationItem
from dicomwire.retrieval.into_folder import get_to_folder, move_to_folder
from dicomwire.sockets.addresses import Address, Peer
from dicomwire.sockets.forking import tell_forks
from dicomwire.sockets.socket_dialer import Call, TLSArguments
from dicomwire.upper_layer.limits import Timeouts
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.contexts import PresentationContext
from dicomwire.vocabulary.titles_and_uids import make_target

if TYPE_CHECKING:
    from dicomwire.blocking.server import AssociationServer
    from dicomwire.blocking.threaded_server import ThreadedAssociationServer
    from dicomwire.tracing.trace_records import Recorder

    ServerT = TypeVar("ServerT", bound=AssociationServer)

LOGGER = logger(__name__)

_get_to_folder = completed(get_to_folder)
_move_to_folder = completed(move_to_folder)


class AE(ApplicationEntityBase):
    """An application entity: what a program is in a DICOM network, as requestor and acceptor of associations."""

    def __init__(self, ae_title: str = "PYNETDICOM") -> None:
        super().__init__(ae_title)
        self.servers: list[AssociationServer] = []
        """Its servers that have not been shut down; for looking at only (extension)."""

        tell_forks(self.running_associations)
        tell_forks(self.half_open)

    # -- as requestor ---------------------------------------------------------------------------------------------
    def associate(
        self,
        addr: Peer | None,
        port: int | None,
        contexts: list[PresentationContext] | None = None,
        ae_title: str = "ANY-SCP",
        max_pdu: int = 16382,
        ext_neg: list[NegotiationItem] | None = None,
        bind_address: tuple[str, int] | tuple[str, int, int, int] | None = None,
        tls_args: TLSArguments | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        *,
        sock: socket.socket | None = None,
        timeouts: Timeouts | None = None,
        trace: Recorder | None = None,
    ) -> Association:
        """Request an association and wait for the outcome: look at ``is_established`` of what comes back.

        ``addr`` is a host, ``(address, flowinfo, scope_id)`` for IPv6, or the path of a Unix domain socket (a ``Path``,
        or ``"unix:/path"``; ``port`` is 0 then).  The addresses of a host are tried as RFC 8305 has it, all within
        ``connection_timeout``, which begins when the name is resolved and ends when TLS is agreed upon.  ``sock`` is a
        stream socket that is connected already: ``addr`` and ``port`` are not looked at, None will do.  It is closed
        with the association; only if the call raises is it still the caller's.  ``contexts`` default to
        ``requested_contexts``; ``max_pdu`` is the longest P-DATA-TF body we take, 0 for no limit; ``ext_neg`` holds
        items of extended negotiation; ``tls_args`` is an ``SSLContext`` and the server's host name or None;
        ``timeouts`` are those of this association in place of the AE's, and ``trace`` is where it is recorded in place
        of the AE's (extensions).

        Raises:
            TypeError, ValueError: a bad argument.
            RuntimeError: no presentation contexts; or eventlet has patched this program.
            OSError: ``addr`` cannot be resolved, or the local address not be bound.
        """
        refuse_eventlet()
        options = RequestOptions(
            contexts=contexts,
            ae_title=ae_title,
            max_pdu=max_pdu,
            ext_neg=ext_neg,
            evt_handlers=evt_handlers,
            timeouts=timeouts,
            trace=trace,
        )
        call = Call(addr=addr, port=port, bind_address=bind_address, tls_args=tls_args, sock=sock)
        return run(associate(Association, self, ThreadDialer(call), options))

    def associate_over(
        self,
        transport: Transport,
        contexts: list[PresentationContext] | None = None,
        ae_title: str = "ANY-SCP",
        max_pdu: int = 16382,
        ext_neg: list[NegotiationItem] | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        *,
        timeouts: Timeouts | None = None,
        trace: Recorder | None = None,
    ) -> Association:
        """Request an association over a connection of any kind (extension); arguments and errors of :meth:`associate`.

        ``transport`` is closed with the association; only if the call raises is it still the caller's.  What the peer
        does while no method of the association runs is noticed by the next one.
        """
        options = RequestOptions(
            contexts=contexts,
            ae_title=ae_title,
            max_pdu=max_pdu,
            ext_neg=ext_neg,
            evt_handlers=evt_handlers,
            timeouts=timeouts,
            trace=trace,
        )
        dialer = ChannelDialer[Association](lambda association: association.host.channel_over(transport))
        return run(associate(Association, self, dialer, options))

    get_to_folder = _get_to_folder
    move_to_folder = _move_to_folder

    # -- as acceptor ----------------------------------------------------------------------------------------------
    @overload
    def start_server(
        self,
        address: Address | None,
        block: Literal[True] = True,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        sock: socket.socket | None = None,
        reuse_port: bool = False,
        trace: Recorder | None = None,
    ) -> None: ...

    @overload
    def start_server(
        self,
        address: Address | None,
        block: Literal[False],
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        sock: socket.socket | None = None,
        reuse_port: bool = False,
        trace: Recorder | None = None,
    ) -> ThreadedAssociationServer: ...

    @overload
    def start_server(
        self,
        address: Address | None,
        block: bool,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        sock: socket.socket | None = None,
        reuse_port: bool = False,
        trace: Recorder | None = None,
    ) -> ThreadedAssociationServer | None: ...

    def start_server(
        self,
        address: Address | None,
        block: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        sock: socket.socket | None = None,
        reuse_port: bool = False,
        trace: Recorder | None = None,
    ) -> ThreadedAssociationServer | None:
        """Accept associations on ``address``: with ``block`` until :meth:`shutdown`, else in the background.

        Port 0 lets the system choose: see ``server_address`` of the server that comes back.  A ``Path``, or
        ``"unix:/path"``, is a Unix domain socket.  ``sock`` is a stream socket from outside that listens, or is bound
        and will: ``address`` is not looked at, None will do.  The server closes it.

        With ``reuse_port`` others may listen on the same port, if all say so: the system deals out the connections.
        With ``trace`` its associations are recorded there, and not where the AE says.

        Raises:
            TypeError, ValueError: a bad argument, no supported contexts, or no way here to share a port.
            OSError: the address cannot be resolved or bound.
        """
        from dicomwire.blocking.threaded_server import ThreadedAssociationServer

        server = self.make_server(
            address,
            ae_title=ae_title,
            contexts=contexts,
            ssl_context=ssl_context,
            evt_handlers=evt_handlers,
            server_class=ThreadedAssociationServer,
            **({} if sock is None else {"sock": sock}),
            **({"reuse_port": True} if reuse_port else {}),
        )
        server.trace = trace
        if block:
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                LOGGER.info("interrupted: shutting down")
                self.shutdown()
            finally:
                server.shutdown()
            return None
        assert isinstance(server, ThreadedAssociationServer)
        # Before the thread runs: shutdown() may come first.
        self.servers.append(server)
        name = f"dicomwire-server-{shown_address(server.server_address)}"
        thread = threading.Thread(target=make_target(server.serve_forever), name=name, daemon=True)
        server._thread = thread
        thread.start()
        return server

    @overload
    def make_server(
        self,
        address: Address | None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        server_class: None = None,
        **kwargs: Any,
    ) -> AssociationServer: ...

    @overload
    def make_server(
        self,
        address: Address | None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        *,
        server_class: Callable[..., ServerT],
        **kwargs: Any,
    ) -> ServerT: ...

    @overload
    def make_server(
        self,
        address: Address | None,
        ae_title: str | None,
        contexts: list[PresentationContext] | None,
        ssl_context: ssl.SSLContext | None,
        evt_handlers: Sequence[evt.EventHandler] | None,
        server_class: Callable[..., ServerT],
        **kwargs: Any,
    ) -> ServerT: ...

    def make_server(
        self,
        address: Address | None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        server_class: Callable[..., AssociationServer] | None = None,
        **kwargs: Any,
    ) -> AssociationServer:
        """A server that listens on ``address``; its ``serve_forever()`` accepts associations.

        ``kwargs`` are for the class: ours takes ``sock`` and ``reuse_port``, as :meth:`start_server` does, and
        ``request_handler``.

        Raises: as :meth:`start_server`.
        """
        from dicomwire.blocking.server import AssociationServer

        make = server_class or AssociationServer
        title = ae_title or self.ae_title
        chosen = contexts or self.supported_contexts
        return make(self, address, title, chosen, ssl_context, evt_handlers=evt_handlers or [], **kwargs)

    def serve_over(
        self,
        transport: Transport,
        evt_handlers: Sequence[evt.EventHandler] | None = None,
        ae_title: str | None = None,
        contexts: list[PresentationContext] | None = None,
        *,
        trace: Recorder | None = None,
    ) -> Association:
        """Accept an association over a connection of any kind, and return when it has ended (extension).

        Arguments and errors of :meth:`start_server`; ``transport`` is closed with the association.
        """
        server = ServerBase[Association](self, ae_title, contexts, evt_handlers)
        association = Association(self, Role.ACCEPTOR, server.handler_table, trace)
        run(serve_over(association, server, lambda association: association.host.channel_over(transport)))
        return association

    def shutdown(self, drain: float = 0) -> None:
        """Abort every active association, and stop every server that is serving.  May be called again.

        With ``drain`` servers stop accepting, and associations have so many seconds: each is released as soon as no
        operation is under way, and what is left then is aborted.  A second call, also in another thread or a signal
        handler, aborts at once.

        Returns when all handlers have been told, ``EVT_CONN_CLOSE`` last, and have returned; in such a handler at once.
        """
        if drain:
            for server in self.servers.copy():
                server.shutdown()
            give_time(self.active_associations, drain)
        running = [item for item in self.active_associations if isinstance(item, Association)]
        threads = abort_all(running)
        for server in self.servers.copy():
            server.shutdown()
        for thread in threads:
            thread.join()
        still_there = self.running_associations.to_be_waited_for()
        for association in running:
            if association in still_there:
                association.join()
