"""The verbs of a client as the adapters with ``await`` show them."""

from __future__ import annotations

from dicomwire.client.arriving import get
from dicomwire.client.finding import find, find_pages, worklist
from dicomwire.client.managing import action, create, delete, get_attributes, report_event, set_attributes
from dicomwire.client.retrieving import get_into, move, move_into
from dicomwire.client.storing import echo, store, store_many


class AsyncVerbs:
    """Verbs that are awaited, or iterated with ``async for``; for an association of an adapter to have them."""

    echo = echo
    store = store
    store_many = store_many
    find = find
    find_pages = find_pages
    worklist = worklist
    get = get
    get_into = get_into
    move = move
    move_into = move_into
    create = create
    set = set_attributes
    get_attributes = get_attributes
    action = action
    delete = delete
    report_event = report_event
