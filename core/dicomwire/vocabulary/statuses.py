"""Status codes of DIMSE responses: what a code means, in general and per service (PS3.7 annex C, PS3.4)."""

from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, TypeAlias

from dicomwire._globals import (
    STATUS_CANCEL,
    STATUS_FAILURE,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_UNKNOWN,
    STATUS_WARNING,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "APPLICATION_EVENT_LOGGING_SERVICE_CLASS_STATUS",
    "GENERAL_STATUS",
    "MEDIA_CREATION_MANAGEMENT_SERVICE_CLASS_STATUS",
    "MODALITY_WORKLIST_SERVICE_CLASS_STATUS",
    "NON_PATIENT_SERVICE_CLASS_STATUS",
    "PRINT_JOB_MANAGEMENT_SERVICE_CLASS_STATUS",
    "PROCEDURE_STEP_STATUS",
    "QR_FIND_SERVICE_CLASS_STATUS",
    "QR_GET_SERVICE_CLASS_STATUS",
    "QR_MOVE_SERVICE_CLASS_STATUS",
    "RELEVANT_PATIENT_SERVICE_CLASS_STATUS",
    "RT_MACHINE_VERIFICATION_SERVICE_CLASS_STATUS",
    "STATUS_CANCEL",
    "STATUS_FAILURE",
    "STATUS_PENDING",
    "STATUS_SUCCESS",
    "STATUS_UNKNOWN",
    "STATUS_WARNING",
    "STORAGE_COMMITMENT_SERVICE_CLASS_STATUS",
    "STORAGE_MANAGEMENT_SERVICE_CLASS_STATUS",
    "STORAGE_SERVICE_CLASS_STATUS",
    "SUBSTANCE_ADMINISTRATION_SERVICE_CLASS_STATUS",
    "UNIFIED_PROCEDURE_STEP_SERVICE_CLASS_STATUS",
    "VERIFICATION_SERVICE_CLASS_STATUS",
    "Status",
    "code_to_category",
    "code_to_status",
]

StatusTable: TypeAlias = dict[int, tuple[str, str]]
"""Code to category and text."""


class CommonStatus(IntEnum):
    """Names of common codes; `add` makes more."""

    SUCCESS = 0x0000
    MOVE_DESTINATION_UNKNOWN = 0xA801
    CANCEL = 0xFE00
    PENDING = 0xFF00

    @classmethod
    def add(cls, name: str, code: int) -> None:
        """Make `code` available as ``Status.<name>``: an `int`, not a member.

        `ValueError` if `name` is no identifier or `code` is not 0 to 0xFFFF; `AttributeError` for the name of a member.
        """
        if not name.isidentifier():
            raise ValueError(f"{name!r} cannot be the name of a status")
        if not isinstance(code, int) or not 0 <= code <= 0xFFFF:
            raise ValueError(f"{code!r} is not a status code: an integer from 0 to 0xFFFF")
        setattr(cls, name, code)


Status = CommonStatus
"""Its name in programs for pynetdicom; `dicomwire.Status` is a class of its own."""

Status.__name__ = Status.__qualname__ = "Status"


def code_to_category(code: int) -> str:
    """One of the six ``STATUS_*`` words (PS3.7 annex C).  `ValueError` unless `code` is an integer >= 0."""
    if not isinstance(code, int) or code < 0:
        raise ValueError(f"{code!r} is not a status code: an integer >= 0")
    if code in GENERAL_STATUS:
        return GENERAL_STATUS[code][0]
    if code in (0xFF00, 0xFF01):
        return STATUS_PENDING
    if code == 0x0001 or 0xB000 <= code <= 0xBFFF:
        return STATUS_WARNING
    if 0xA000 <= code <= 0xAFFF or 0xC000 <= code <= 0xCFFF:
        return STATUS_FAILURE
    return STATUS_UNKNOWN


def is_out_of_resources(code: int) -> bool:
    """Whether a failure may be none later: the resources of the peer do not suffice now (PS3.4 B.2.3, PS3.7 C)."""
    return code == 0x0213 or 0xA700 <= code < 0xA800


def code_to_status(code: int) -> "Dataset":
    """A `Dataset` with that (0000,0900) Status.  `ValueError` unless `code` is an integer >= 0."""
    from pydicom.dataset import Dataset

    if not isinstance(code, int) or code < 0:
        raise ValueError(f"{code!r} is not a status code: an integer >= 0")
    status = Dataset()
    status.Status = code
    return status


GENERAL_STATUS: StatusTable = {
    0x0000: (STATUS_SUCCESS, "Success"),
    0x0105: (STATUS_FAILURE, "No such attribute"),
    0x0106: (STATUS_FAILURE, "Invalid attribute value"),
    0x0107: (STATUS_WARNING, "Attribute list error"),
    0x0110: (STATUS_FAILURE, "Processing failure"),
    0x0111: (STATUS_FAILURE, "Duplicate SOP instance"),
    0x0112: (STATUS_FAILURE, "No such SOP instance"),
    0x0113: (STATUS_FAILURE, "No such event type"),
    0x0114: (STATUS_FAILURE, "No such argument"),
    0x0115: (STATUS_FAILURE, "Invalid argument value"),
    0x0116: (STATUS_WARNING, "Attribute value out of range"),
    0x0117: (STATUS_FAILURE, "Invalid SOP instance"),
    0x0118: (STATUS_FAILURE, "No such SOP class"),
    0x0119: (STATUS_FAILURE, "Class and instance conflict"),
    0x0120: (STATUS_FAILURE, "Missing attribute"),
    0x0121: (STATUS_FAILURE, "Missing attribute value"),
    0x0122: (STATUS_FAILURE, "SOP class not supported"),
    0x0123: (STATUS_FAILURE, "No such action type"),
    0x0124: (STATUS_FAILURE, "Not authorised"),
    0x0210: (STATUS_FAILURE, "Duplicate invocation: the message ID is in use"),
    0x0211: (STATUS_FAILURE, "Unrecognised operation"),
    0x0212: (STATUS_FAILURE, "Mistyped argument"),
    0x0213: (STATUS_FAILURE, "Resource limitation"),
    0xFE00: (STATUS_CANCEL, "Cancelled"),
}
"""Codes that every service may use (PS3.7 annex C)."""


def _table(own: Mapping[int | range, str]) -> StatusTable:
    """The general codes and those of one service; a code of its own says more than a range or a general code."""
    table = dict(GENERAL_STATUS)
    for codes, text in own.items():
        if isinstance(codes, range):
            table.update(dict.fromkeys(codes, (code_to_category(codes.start), text)))
    for code, text in own.items():
        if isinstance(code, int):
            table[code] = (code_to_category(code), text)
    return table


_CANNOT_UNDERSTAND = range(0xC000, 0xD000)

VERIFICATION_SERVICE_CLASS_STATUS = _table({})
"""PS3.4 A.4."""

STORAGE_SERVICE_CLASS_STATUS = _table(
    {
        range(0xA700, 0xA800): "Out of resources",
        range(0xA900, 0xAA00): "Data set does not match SOP class",
        0xB000: "Coercion of data elements",
        0xB006: "Elements discarded",
        0xB007: "Data set does not match SOP class, but was stored",
        _CANNOT_UNDERSTAND: "Cannot understand",
    }
)
"""PS3.4 B.2.3."""

NON_PATIENT_SERVICE_CLASS_STATUS = _table(
    {
        0xA700: "Out of resources",
        0xA900: "Data set does not match SOP class",
        0xC000: "Cannot understand",
    }
)
"""PS3.4 GG.4.2."""

QR_FIND_SERVICE_CLASS_STATUS = _table(
    {
        0xA700: "Out of resources",
        0xA710: "Invalid prior record key",
        0xA900: "Identifier does not match SOP class",
        0xB001: "Response limit reached: ask again for the rest",
        _CANNOT_UNDERSTAND: "Unable to process",
        0xFF00: "A match; any optional keys are supported as if they were required",
        0xFF01: "A match; some optional keys are not supported",
    }
)
"""PS3.4 C.4.1.1.4."""

_RETRIEVE: dict[int | range, str] = {
    0xA701: "Out of resources: unable to calculate the number of matches",
    0xA702: "Out of resources: unable to perform sub-operations",
    0xA900: "Identifier does not match SOP class",
    0xAA00: "None of the requested frames are in the instance",
    0xAA01: "Unable to create a new object for this SOP class",
    0xAA02: "Unable to extract frames",
    0xAA03: "Time-based request for an object without a time base",
    0xAA04: "Invalid request",
    0xB000: "Sub-operations complete, some with failure or warning",
    _CANNOT_UNDERSTAND: "Unable to process",
    0xFF00: "Sub-operations are continuing",
}

QR_GET_SERVICE_CLASS_STATUS = _table(_RETRIEVE)
"""PS3.4 C.4.3.1.4, Y.3.3, Z.4.2.1.4."""

QR_MOVE_SERVICE_CLASS_STATUS = _table(_RETRIEVE | {0xA801: "Move destination unknown"})
"""PS3.4 C.4.2.1.5, Y.3.3."""

MODALITY_WORKLIST_SERVICE_CLASS_STATUS = _table(
    {
        0xA700: "Out of resources",
        0xA900: "Identifier does not match SOP class",
        _CANNOT_UNDERSTAND: "Unable to process",
        0xFF00: "A match; any optional keys are supported as if they were required",
        0xFF01: "A match; some optional keys are not supported",
    }
)
"""PS3.4 K.4.1.1.4."""

SUBSTANCE_ADMINISTRATION_SERVICE_CLASS_STATUS = dict(MODALITY_WORKLIST_SERVICE_CLASS_STATUS)
"""PS3.4 V.4.2.1.4; the same codes as the worklist."""

RELEVANT_PATIENT_SERVICE_CLASS_STATUS = _table(
    {
        0xA700: "Out of resources",
        0xA900: "Identifier does not match SOP class",
        0xC000: "Unable to process",
        0xC100: "More than one match found",
        0xC200: "Unable to support the requested template",
        0xFF00: "A match",
    }
)
"""PS3.4 Q.2.1.1.4."""

PROCEDURE_STEP_STATUS = _table(
    {
        0x0001: "Requested optional attributes are not supported",
        0x0110: "Performed procedure step object may no longer be updated",
    }
)
"""PS3.4 F.7.2, F.8.2."""

PRINT_JOB_MANAGEMENT_SERVICE_CLASS_STATUS = _table(
    {
        0xB600: "Memory allocation not supported",
        0xB601: "Film session printing (collation) not supported",
        0xB602: "Film session has no image box that holds an image: an empty page",
        0xB603: "Film box has no image box that holds an image: an empty page",
        0xB604: "Image was demagnified to fit the image box",
        0xB605: "Requested density is outside the range of the printer",
        0xB609: "Image was cropped to fit the image box",
        0xB60A: "Image was decimated to fit the image box",
        0xC600: "Film session has no film boxes",
        0xC601: "Unable to create print job: print queue is full",
        0xC602: "Unable to create print job: print queue is full",
        0xC603: "Image is larger than the image box",
        0xC605: "Insufficient memory in the printer for the image",
        0xC613: "Combined print image is larger than the image box",
        0xC616: "There is a film box that has not been printed yet",
    }
)
"""PS3.4 H.4."""

STORAGE_COMMITMENT_SERVICE_CLASS_STATUS = _table({})
"""PS3.4 J.3."""

APPLICATION_EVENT_LOGGING_SERVICE_CLASS_STATUS = _table(
    {
        0xB101: "Synchronization frame of reference does not match",
        0xB102: "Study instance UID was coerced",
        0xB104: "IDs are inconsistent; logged nevertheless",
        0xC101: "Procedural logging is not available for this study",
        0xC102: "Event information does not match the template",
        0xC103: "Event cannot be matched to a current study",
        0xC104: "IDs are inconsistent; not logged",
        0xC10E: "Operator is not authorised to add to the record",
        0xC110: "Patient cannot be identified",
        0xC111: "Update of the administration record failed",
    }
)
"""PS3.4 P.2.1.5, P.3.2.5."""

MEDIA_CREATION_MANAGEMENT_SERVICE_CLASS_STATUS = _table(
    {
        0x0001: "Requested optional attributes are not supported",
        0xA510: "An initiate media creation action has already been received",
        0xC201: "Media creation request is already completed",
        0xC202: "Media creation request is in progress and cannot be interrupted",
        0xC203: "Cancellation denied",
    }
)
"""PS3.4 S.3.2."""

UNIFIED_PROCEDURE_STEP_SERVICE_CLASS_STATUS = _table(
    {
        0x0001: "Requested optional attributes are not supported",
        0xA700: "Out of resources",
        0xA900: "Identifier does not match SOP class",
        0xB300: "The UPS was created with modifications",
        0xB301: "Deletion lock not granted",
        0xB304: "The UPS is already cancelled",
        0xB305: "Values were coerced to valid ones",
        0xB306: "The UPS is already completed",
        _CANNOT_UNDERSTAND: "Unable to process",
        0xC300: "The UPS may no longer be updated",
        0xC301: "The transaction UID is wrong",
        0xC302: "The UPS is already in progress",
        0xC303: "The UPS becomes scheduled only through N-CREATE",
        0xC304: "The UPS does not meet the requirements of a final state",
        0xC307: "The instance is not managed here",
        0xC308: "The receiving AE title is unknown",
        0xC309: "The given state is not SCHEDULED",
        0xC310: "The UPS is not yet in progress",
        0xC311: "The UPS is already completed",
        0xC312: "The performer cannot be contacted",
        0xC313: "The performer chooses not to cancel",
        0xC314: "The action does not suit the instance",
        0xC315: "Event reports are not supported",
        0xFF00: "A match; any optional keys are supported as if they were required",
        0xFF01: "A match; some optional keys are not supported",
    }
)
"""PS3.4 CC.2."""

RT_MACHINE_VERIFICATION_SERVICE_CLASS_STATUS = _table(
    {
        0xC112: "The machine verification instance does not exist",
        0xC221: "The fraction group does not exist",
        0xC222: "The fraction group has no beams",
        0xC223: "The SCU is already verifying a beam",
        0xC224: "The beam does not exist",
        0xC225: "The device is not supported",
        0xC226: "The device is not found",
        0xC227: "The plan is not found",
    }
)
"""PS3.4 DD.3.2."""

STORAGE_MANAGEMENT_SERVICE_CLASS_STATUS = _table({0xB010: "Some key attributes are not supported for matching"})
"""PS3.4 KK.2."""
