"""Serving peers on a trio event loop with typed handlers."""

from __future__ import annotations

from typing import Unpack

from dicomwire.associations.awaitables import opening
from dicomwire.client.opening_client import check_options
from dicomwire.providing.serve_options import serving_of
from dicomwire.providing.service import Service
from dicomwire.sockets.addresses import Address
from dicomwire.sockets.listen_options import ServeOptions, start_arguments
from dicomwire.trio.entity import AE
from dicomwire.trio.server import AssociationServer


@opening
async def serve(address: Address | None, *services: Service, **options: Unpack[ServeOptions]) -> AssociationServer:
    """Serve peers on an address (extension): ``async with`` it, which ends server and associations at its end.

    Arguments and errors of :func:`dicomwire.serve`; ``serve_forever()`` of the server is awaited.
    """
    check_options(options, ServeOptions, "serve")
    serving = serving_of(AE, services, options)
    server: AssociationServer = await serving.entity.start_server(address, **start_arguments(serving, options))
    return server
