"""Which service class serves which SOP class (PS3.4, PS3.6 table A-1)."""

from dicomwire.vocabulary import (
    normalized_service_classes as n_services,
    service_classes as c_services,
    sop_class_table as table,
)
from dicomwire.vocabulary.normalized_service_classes import UnifiedProcedureStepServiceClass
from dicomwire.vocabulary.service_classes import (
    C_FIND,
    C_GET,
    C_MOVE,
    QueryRetrieveServiceClass,
    ServiceClass,
    StorageServiceClass,
)


def uid_to_service_class(uid: str) -> type[ServiceClass]:
    """The service class of a SOP class, or with the UID of a service class; unknown: the base `ServiceClass`."""
    return SERVICE_CLASSES.get(uid, ServiceClass)


def uid_to_messages(uid: str) -> frozenset[int]:
    """Command fields of the requests that may name this SOP class (PS3.7 E.1).

    Those of its service class, but of query/retrieve only the one of the information model.
    """
    return MODELS.get(uid) or uid_to_service_class(uid).messages


def is_known(uid: str) -> bool:
    """Whether a service class has been registered for that UID, by this module or by `register_uid`."""
    return uid in SERVICE_CLASSES


def serve(uid: str, service_class: type[ServiceClass], message: int | None) -> None:
    """Have `service_class` serve `uid`; with a `message`, requests with that command field and no other."""
    SERVICE_CLASSES[uid] = service_class
    if message is None:
        MODELS.pop(uid, None)
    else:
        MODELS[uid] = frozenset({message})


def forget(uid: str) -> None:
    """Have nobody serve `uid`."""
    SERVICE_CLASSES.pop(uid, None)
    MODELS.pop(uid, None)


def service_class_named(name: str) -> type[ServiceClass]:
    """The service class that the table of SOP classes means."""
    found: type[ServiceClass] = getattr(c_services, name, None) or getattr(n_services, name)
    return found


def message_of(keyword: str) -> int | None:
    """The message of a query/retrieve SOP class: its keyword ends in Find, Query, Get or Move; None if in none."""
    endings = {"Find": C_FIND, "Query": C_FIND, "Get": C_GET, "Move": C_MOVE}
    return next((message for ending, message in endings.items() if keyword.endswith(ending)), None)


SERVICE_CLASSES: dict[str, type[ServiceClass]] = {}
"""By UID of the SOP class."""

MODELS: dict[str, frozenset[int]] = {}
"""The command fields of requests that may name an information model, where not all of its service class may."""


def _serve_table() -> None:
    for service, sop_classes in table.SOP_CLASSES.items():
        service_class = service_class_named(service)
        retrieve = issubclass(service_class, QueryRetrieveServiceClass)
        for keyword, uid in sop_classes.items():
            serve(uid, service_class, message_of(keyword) if retrieve else None)
    # What a common extended negotiation item may name as service class (PS3.7 D.3.3.6).
    for service_class in (StorageServiceClass, UnifiedProcedureStepServiceClass):
        SERVICE_CLASSES[service_class.uid] = service_class
    # Peers propose these, and we do: what is accepted must be served.
    SERVICE_CLASSES.update(dict.fromkeys(table.RETIRED_STORAGE.values(), StorageServiceClass))


_serve_table()
