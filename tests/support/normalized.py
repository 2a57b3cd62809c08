"""The DIMSE-N services, each invoked by what it needs."""

from __future__ import annotations

from typing import Any

from pydicom.tag import Tag

from dicomwire import evt
from tests.support.adapters import done
from tests.support.finding import match

ACTION, CREATE, DELETE = evt.EVT_N_ACTION, evt.EVT_N_CREATE, evt.EVT_N_DELETE
REPORT, GET, SET = evt.EVT_N_EVENT_REPORT, evt.EVT_N_GET, evt.EVT_N_SET
ALL = (ACTION, CREATE, DELETE, REPORT, GET, SET)
FILM_SESSION = "1.2.840.10008.5.1.1.1"
COMMITMENT = "1.2.840.10008.1.20.1"
UPS = {
    name: f"1.2.840.10008.5.1.4.34.6.{number}"
    for number, name in enumerate(("Push", "Watch", "Pull", "Event", "Query"), 1)
}
SERVICES = {
    "print": (FILM_SESSION, ALL),
    "printer": ("1.2.840.10008.5.1.1.16", ALL),
    "procedure step": ("1.2.840.10008.3.1.2.3.3", (CREATE, SET, GET, REPORT)),
    "procedure step retrieve": ("1.2.840.10008.3.1.2.3.4", (CREATE, SET, GET, REPORT)),
    "procedure step notification": ("1.2.840.10008.3.1.2.3.5", (CREATE, SET, GET, REPORT)),
    "unified procedure step": (UPS["Push"], (CREATE, GET, SET, ACTION, REPORT)),
    "unified procedure step, watched": (UPS["Watch"], (CREATE, GET, SET, ACTION, REPORT)),
    "storage commitment": (COMMITMENT, (ACTION, REPORT)),
    "media creation": ("1.2.840.10008.5.1.1.33", (CREATE, GET, ACTION)),
    "machine verification": ("1.2.840.10008.5.1.4.34.8", ALL),
    "display system": ("1.2.840.10008.5.1.1.40", (GET,)),
    "event logging": ("1.2.840.10008.1.40", (ACTION,)),
    "availability": ("1.2.840.10008.5.1.4.33", (CREATE,)),
    "storage management": ("1.2.840.10008.5.1.4.1.1.201.5", (ACTION, REPORT)),
}
INSTANCE = "1.2.3.4"
ASKED = match("Asked")
SAID = match("Said")


async def invoke(association: Any, event: Any, class_uid: str, dataset: Any = ASKED, **options: Any) -> tuple[Any, Any]:
    """Send the request that is told of by ``event``; the second item is None for N-DELETE, as for failures."""
    options.setdefault("instance_uid", INSTANCE)
    options["class_uid"] = class_uid
    if event is DELETE:
        return await done(association.send_n_delete(**options)), None
    if event is GET:
        outcome = association.send_n_get([Tag("PatientName"), 0x00100020, (0x0010, 0x0030)], **options)
    elif event is ACTION:
        outcome = association.send_n_action(dataset, 3, **options)
    elif event is REPORT:
        outcome = association.send_n_event_report(dataset, 4, **options)
    elif event is CREATE:
        outcome = association.send_n_create(dataset, **options)
    else:
        outcome = association.send_n_set(dataset, **options)
    status, returned = await done(outcome)
    return status, returned
