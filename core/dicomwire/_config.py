"""Options for the whole process, set by assignment: ``_config.LOG_HANDLER_LEVEL = "none"``.

Read at the time of use.  The underscore is historical: these names are public.
"""

from collections.abc import Callable

from dicomwire._value_checks import is_conformant_uid, validate_ae

LOG_HANDLER_LEVEL = "standard"
"""``"none"``: new associations and servers do not log what they do; errors and warnings still are."""

ENFORCE_UID_CONFORMANCE = False
"""Refuse UIDs that break the rules of PS3.5 9.1; otherwise only their length, 1 to 64, counts."""

USE_SHORT_DIMSE_AET = True
"""AE titles in command sets have no more padding than PS3.5 6.2 asks for; False: they are padded to 16 bytes."""

LOG_REQUEST_IDENTIFIERS = True
"""Log the identifiers of C-FIND, C-GET and C-MOVE requests (patient data, at level DEBUG)."""

LOG_RESPONSE_IDENTIFIERS = True
"""Log the identifiers of C-FIND, C-GET and C-MOVE responses (patient data, at level DEBUG)."""

LOG_PATIENT_DATA = True
"""False: nothing of a patient is logged at any level, whatever the two above say.

Of identifiers only the elements are told, and of errors and tracebacks, which may repeat a value, not the text."""

STORE_SEND_CHUNKED_DATASET = False
"""``send_c_store(path)`` streams the file as it is, instead of reading it whole."""

STORE_RECV_CHUNKED_DATASET = False
"""Data sets of C-STORE requests go to a temporary file, ``event.dataset_path``."""

PASS_CONTEXTVARS = False
"""Handlers see the context variables of whoever called ``associate`` or ``start_server``, as they were then.

For the blocking AE; with asyncio and trio they always do, and so do threads of Python 3.14 without the global lock
(``sys.flags.thread_inherit_context``)."""

WINDOWS_TIMER_RESOLUTION: int | None = 1
"""Accepted and ignored: nothing polls a timer.  Milliseconds."""

CODECS: tuple[str, ...] = ("ascii",)
"""Tried in order to decode received AE titles and version names that are not ASCII; what is not ASCII then is dropped.

What none of them can decode is read as Latin-1: no peer is refused for its name."""


def validate_ui(value: str) -> tuple[bool, str]:
    """Whether `value` can be a UID, and why not (PS3.5 9.1).

    Only the length is checked, unless ``ENFORCE_UID_CONFORMANCE``.
    """
    if not 1 <= len(value) <= 64:
        return False, "must have 1 to 64 characters"
    if ENFORCE_UID_CONFORMANCE and not is_conformant_uid(value):
        return False, "must be numbers without leading zeros, separated by dots"
    return True, ""


VALIDATORS: dict[str, Callable[[str], tuple[bool, str]]] = {"AE": validate_ae, "UI": validate_ui}
"""Checks per value representation: ``f(value)`` gives ``(ok, reason)``."""

UNRESTRICTED_STORAGE_SERVICE = False
"""Acceptors take every storage, private or unknown SOP class, and serve every C-STORE."""
