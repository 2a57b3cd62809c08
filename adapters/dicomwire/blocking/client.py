"""A client: an association whose verbs block, give what was asked for, and raise where they cannot."""

from __future__ import annotations

from typing import Unpack

from dicomwire.associations.coroutines import run
from dicomwire.blocking.association import Association
from dicomwire.blocking.blocking_verbs import blocking, completed, iterated
from dicomwire.blocking.entity import AE
from dicomwire.blocking.eventlet_refused import refuse_eventlet
from dicomwire.blocking.thread_dialer import ThreadDialer
from dicomwire.client.arriving import get
from dicomwire.client.finding import find, find_pages, worklist
from dicomwire.client.managing import action, create, delete, get_attributes, report_event, set_attributes
from dicomwire.client.opening_client import check_options, entity_for, open_client
from dicomwire.client.retrieving import get_into, move, move_into
from dicomwire.client.storing import echo, store, store_many
from dicomwire.sockets.addresses import Peer
from dicomwire.sockets.connect_options import ConnectOptions, call_for

# With names of their own, as in association.py.
_echo = blocking(echo)
_store = blocking(store)
_store_many = iterated(store_many)
_find = iterated(find)
_find_pages = iterated(find_pages)
_worklist = iterated(worklist)
_get = iterated(get)
_get_into = completed(get_into)
_move = completed(move)
_move_into = completed(move_into)
_create = blocking(create)
_set_attributes = blocking(set_attributes)
_get_attributes = blocking(get_attributes)
_action = blocking(action)
_delete = blocking(delete)
_report_event = blocking(report_event)


class Client(Association):
    """What :func:`connect` gives: an established association; ``with`` releases it, or aborts it on an exception."""

    echo = _echo
    store = _store
    store_many = _store_many
    find = _find
    find_pages = _find_pages
    worklist = _worklist
    get = _get
    get_into = _get_into
    move = _move
    move_into = _move_into
    create = _create
    set = _set_attributes
    get_attributes = _get_attributes
    action = _action
    delete = _delete
    report_event = _report_event


def connect(host: Peer | None, port: int | None = None, **options: Unpack[ConnectOptions]) -> Client:
    """Open an association with the application entity at an address (extension).

    ``host`` is a host name or address, or the path of a Unix domain socket, without a port then.  All else are
    keywords: ``to`` and ``title`` are the AE titles of the peer and ours; ``contexts``, ``files`` and ``services`` say
    what is proposed; ``tls`` is an ``SSLContext``; the rest is in `ConnectOptions`.

    Raises:
        Refused: there is no association; the text says why, and what to do about it.
        TypeError, ValueError: a bad argument.
    """
    refuse_eventlet()
    check_options(options, ConnectOptions, "connect")
    return run(open_client(Client, entity_for(AE, options), ThreadDialer(call_for(host, port, options)), options))
