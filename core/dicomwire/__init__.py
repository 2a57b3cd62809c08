"""DICOM networking: a sans-IO protocol core with pluggable transports.

``Connection`` and ``Session`` are the pure tier: bytes in, events out.  ``AE`` is the application entity for programs
that block; :mod:`dicomwire.asyncio` and :mod:`dicomwire.trio` have their own.  Names are loaded when they are used:
importing the package loads no socket, thread, event loop or pydicom.
"""

from __future__ import annotations

import logging
from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

from dicomwire._implementation import (
    IMPLEMENTATION_UID,
    IMPLEMENTATION_VERSION,
    PYNETDICOM_IMPLEMENTATION_UID,
    PYNETDICOM_IMPLEMENTATION_VERSION,
    PYNETDICOM_UID_PREFIX,
    UID_PREFIX,
)
from dicomwire._version import __version__

# The adapters are the other half of this package, in a second source root.
__path__ = extend_path(__path__, __name__)

logging.getLogger(__name__).addHandler(logging.NullHandler())

if TYPE_CHECKING:
    # Modules that ``import dicomwire`` alone makes usable: see _MODULES.  pyright finds those of one half this way, and
    # those of the other below.
    import dicomwire.ae as ae
    import dicomwire.apps as apps
    import dicomwire.association as association
    import dicomwire.asyncio as asyncio
    import dicomwire.blocking as blocking
    import dicomwire.memory as memory
    import dicomwire.transport as transport
    import dicomwire.trio as trio
    from dicomwire._globals import ALL_TRANSFER_SYNTAXES, DEFAULT_TRANSFER_SYNTAXES
    from dicomwire._logging import AssociationFilter, debug_logger
    from dicomwire.associations.allowed import Allowed
    from dicomwire.associations.proxied import ProxyProtocol
    from dicomwire.blocking import AE, Association
    from dicomwire.blocking.archive import Archive
    from dicomwire.blocking.client import Client, connect
    from dicomwire.blocking.pool import Pool
    from dicomwire.blocking.providing_server import serve
    from dicomwire.client.failures import AllInUse, ConnectionLost, Failure, PoolClosed, Refused, ServiceFailed
    from dicomwire.client.managing import Reply
    from dicomwire.client.received_instance import ReceivedInstance
    from dicomwire.client.storing import Stored
    from dicomwire.data.memory_budget import MemoryBudget
    from dicomwire.dimse import Command, DataSetReceived, MessageReceived, Session
    from dicomwire.errors import BrokenDataSet, LocalProtocolError, ProtocolError, RemoteProtocolError
    from dicomwire.files import contexts_for
    from dicomwire.presentation import (
        AllStoragePresentationContexts,
        ApplicationEventLoggingPresentationContexts,
        BasicWorklistManagementPresentationContexts,
        ColorPalettePresentationContexts,
        DefinedProcedureProtocolPresentationContexts,
        DisplaySystemPresentationContexts,
        HangingProtocolPresentationContexts,
        ImplantTemplatePresentationContexts,
        InstanceAvailabilityPresentationContexts,
        MediaCreationManagementPresentationContexts,
        MediaStoragePresentationContexts,
        ModalityPerformedPresentationContexts,
        NonPatientObjectPresentationContexts,
        PrintManagementPresentationContexts,
        ProcedureStepPresentationContexts,
        ProtocolApprovalPresentationContexts,
        QueryRetrievePresentationContexts,
        RelevantPatientInformationPresentationContexts,
        RTMachineVerificationPresentationContexts,
        StorageCommitmentPresentationContexts,
        StoragePresentationContexts,
        SubstanceAdministrationPresentationContexts,
        UnifiedProcedurePresentationContexts,
        VerificationPresentationContexts,
        build_context,
        build_role,
    )
    from dicomwire.providing.answering import MoveTo
    from dicomwire.providing.service import Service
    from dicomwire.providing.typed_requests import (
        ActionRequest,
        CreateRequest,
        DeleteRequest,
        EchoRequest,
        EventReport,
        FindRequest,
        GetAttributesRequest,
        GetRequest,
        MoveRequest,
        ServiceRequest,
        SetRequest,
        StoreRequest,
    )
    from dicomwire.sop_class import register_uid
    from dicomwire.upper_layer import Connection, Data, DataReceived, Limits, Role, State, Timeouts
    from dicomwire.vocabulary.typed_status import Status, StatusCategory

    from . import (
        _config as _config,
        _globals as _globals,
        _handlers as _handlers,
        dimse_messages as dimse_messages,
        dimse_primitives as dimse_primitives,
        dsutils as dsutils,
        events as events,
        events as evt,
        pdu as pdu,
        pdu_items as pdu_items,
        pdu_primitives as pdu_primitives,
        presentation as presentation,
        service_class as service_class,
        service_class_n as service_class_n,
        sinks as sinks,
        sop_class as sop_class,
        sources as sources,
        status as status,
        utils as utils,
    )

_PRESENTATION = (
    "AllStoragePresentationContexts", "ApplicationEventLoggingPresentationContexts",
    "BasicWorklistManagementPresentationContexts", "ColorPalettePresentationContexts",
    "DefinedProcedureProtocolPresentationContexts", "DisplaySystemPresentationContexts",
    "HangingProtocolPresentationContexts", "ImplantTemplatePresentationContexts",
    "InstanceAvailabilityPresentationContexts", "MediaCreationManagementPresentationContexts",
    "MediaStoragePresentationContexts", "ModalityPerformedPresentationContexts",
    "NonPatientObjectPresentationContexts", "PrintManagementPresentationContexts",
    "ProcedureStepPresentationContexts", "ProtocolApprovalPresentationContexts",
    "QueryRetrievePresentationContexts", "RTMachineVerificationPresentationContexts",
    "RelevantPatientInformationPresentationContexts", "StorageCommitmentPresentationContexts",
    "StoragePresentationContexts", "SubstanceAdministrationPresentationContexts",
    "UnifiedProcedurePresentationContexts", "VerificationPresentationContexts", "build_context", "build_role",
)  # fmt: skip

_LAZY: dict[str, str] = {
    **dict.fromkeys(_PRESENTATION, "dicomwire.presentation"),
    **dict.fromkeys(("AE", "Association"), "dicomwire.blocking"),
    **dict.fromkeys(("Client", "connect"), "dicomwire.blocking.client"),
    **dict.fromkeys(
        ("AllInUse", "ConnectionLost", "Failure", "PoolClosed", "Refused", "ServiceFailed"),
        "dicomwire.client.failures",
    ),
    **dict.fromkeys(("Status", "StatusCategory"), "dicomwire.vocabulary.typed_status"),
    "Archive": "dicomwire.blocking.archive",
    "Pool": "dicomwire.blocking.pool",
    "serve": "dicomwire.blocking.providing_server",
    "Reply": "dicomwire.client.managing",
    "ReceivedInstance": "dicomwire.client.received_instance",
    "Stored": "dicomwire.client.storing",
    "MoveTo": "dicomwire.providing.answering",
    "Service": "dicomwire.providing.service",
    **dict.fromkeys(
        (
            "ActionRequest",
            "CreateRequest",
            "DeleteRequest",
            "EchoRequest",
            "EventReport",
            "FindRequest",
            "GetAttributesRequest",
            "GetRequest",
            "MoveRequest",
            "ServiceRequest",
            "SetRequest",
            "StoreRequest",
        ),
        "dicomwire.providing.typed_requests",
    ),
    "Allowed": "dicomwire.associations.allowed",
    "MemoryBudget": "dicomwire.data.memory_budget",
    "ProxyProtocol": "dicomwire.associations.proxied",
    **dict.fromkeys(("ALL_TRANSFER_SYNTAXES", "DEFAULT_TRANSFER_SYNTAXES"), "dicomwire._globals"),
    **dict.fromkeys(
        ("Connection", "Data", "DataReceived", "Limits", "Role", "State", "Timeouts"), "dicomwire.upper_layer"
    ),
    **dict.fromkeys(("Command", "DataSetReceived", "MessageReceived", "Session"), "dicomwire.dimse"),
    **dict.fromkeys(
        ("BrokenDataSet", "LocalProtocolError", "ProtocolError", "RemoteProtocolError"), "dicomwire.errors"
    ),
    "contexts_for": "dicomwire.files",
    **dict.fromkeys(("AssociationFilter", "debug_logger"), "dicomwire._logging"),
    "register_uid": "dicomwire.sop_class",
    # Not ours, but programs take it from pynetdicom, which imports it there.
    "UID": "pydicom.uid",
}

_MODULES = frozenset({
    "_config", "_globals", "_handlers", "ae", "apps", "association", "asyncio", "blocking", "dimse_messages",
    "dimse_primitives", "dsutils", "events", "memory", "pdu", "pdu_items", "pdu_primitives", "presentation",
    "service_class", "service_class_n", "sinks", "sop_class", "sources", "status", "transport", "trio", "utils",
})  # fmt: skip
"""Those that ``import dicomwire`` alone makes usable as ``dicomwire.association`` and so on: loaded when asked for."""


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        from importlib import import_module

        if name == "evt":
            return import_module("dicomwire.events")
        if name in _MODULES:
            return import_module(f"dicomwire.{name}")
        try:
            module = _LAZY[name]
        except KeyError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
        # Not kept here: each use of a ready-made list of contexts gives a new one.
        return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "AE",
    "ALL_TRANSFER_SYNTAXES",
    "DEFAULT_TRANSFER_SYNTAXES",
    "IMPLEMENTATION_UID",
    "IMPLEMENTATION_VERSION",
    "PYNETDICOM_IMPLEMENTATION_UID",
    "PYNETDICOM_IMPLEMENTATION_VERSION",
    "PYNETDICOM_UID_PREFIX",
    "UID_PREFIX",
    "ActionRequest",
    "AllInUse",
    "AllStoragePresentationContexts",
    "Allowed",
    "ApplicationEventLoggingPresentationContexts",
    "Archive",
    "Association",
    "AssociationFilter",
    "BasicWorklistManagementPresentationContexts",
    "BrokenDataSet",
    "Client",
    "ColorPalettePresentationContexts",
    "Command",
    "Connection",
    "ConnectionLost",
    "CreateRequest",
    "Data",
    "DataReceived",
    "DataSetReceived",
    "DefinedProcedureProtocolPresentationContexts",
    "DeleteRequest",
    "DisplaySystemPresentationContexts",
    "EchoRequest",
    "EventReport",
    "Failure",
    "FindRequest",
    "GetAttributesRequest",
    "GetRequest",
    "HangingProtocolPresentationContexts",
    "ImplantTemplatePresentationContexts",
    "InstanceAvailabilityPresentationContexts",
    "Limits",
    "LocalProtocolError",
    "MediaCreationManagementPresentationContexts",
    "MediaStoragePresentationContexts",
    "MemoryBudget",
    "MessageReceived",
    "ModalityPerformedPresentationContexts",
    "MoveRequest",
    "MoveTo",
    "NonPatientObjectPresentationContexts",
    "Pool",
    "PoolClosed",
    "PrintManagementPresentationContexts",
    "ProcedureStepPresentationContexts",
    "ProtocolApprovalPresentationContexts",
    "ProtocolError",
    "ProxyProtocol",
    "QueryRetrievePresentationContexts",
    "RTMachineVerificationPresentationContexts",
    "ReceivedInstance",
    "Refused",
    "RelevantPatientInformationPresentationContexts",
    "RemoteProtocolError",
    "Reply",
    "Role",
    "Service",
    "ServiceFailed",
    "ServiceRequest",
    "Session",
    "SetRequest",
    "State",
    "Status",
    "StatusCategory",
    "StorageCommitmentPresentationContexts",
    "StoragePresentationContexts",
    "StoreRequest",
    "Stored",
    "SubstanceAdministrationPresentationContexts",
    "Timeouts",
    "UnifiedProcedurePresentationContexts",
    "VerificationPresentationContexts",
    "__version__",
    "build_context",
    "build_role",
    "connect",
    "contexts_for",
    "debug_logger",
    "evt",
    "register_uid",
    "serve",
]

if TYPE_CHECKING:
    __all__ += ["ae", "apps", "association", "asyncio", "blocking", "memory", "transport", "trio"]
