"""Serving peers in threads with typed handlers."""

from __future__ import annotations

from typing import Unpack

from dicomwire.blocking.entity import AE
from dicomwire.blocking.threaded_server import ThreadedAssociationServer
from dicomwire.client.opening_client import check_options
from dicomwire.providing.serve_options import serving_of
from dicomwire.providing.service import Service
from dicomwire.sockets.addresses import Address
from dicomwire.sockets.listen_options import ServeOptions, start_arguments


def serve(address: Address | None, *services: Service, **options: Unpack[ServeOptions]) -> ThreadedAssociationServer:
    """Serve peers on an address, in the background (extension): ``with`` it, which ends server and associations.

    ``address`` is host and port, ``("", 11112)`` for every interface, or the path of a Unix domain socket; port 0 lets
    the system choose: see ``server_address``.  ``services`` have the handlers, which are called in a thread of each
    association.  ``serve_forever()`` of the server returns when it is shut down.  Keywords are in `ServeOptions`.

    Raises:
        TypeError, ValueError: a bad argument.
        OSError: the address cannot be resolved or bound.
    """
    check_options(options, ServeOptions, "serve")
    serving = serving_of(AE, services, options)
    server: ThreadedAssociationServer = serving.entity.start_server(address, **start_arguments(serving, options))
    return server
