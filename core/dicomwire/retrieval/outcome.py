"""The values that say how a retrieval into a folder goes and went."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dicomwire._logging import logger, printable, reason
from dicomwire.associations.association_base import AssociationBase
from dicomwire.associations.explanation import STOPPED_BY_ITSELF
from dicomwire.data.receiving_folder import Folder
from dicomwire.data.text_values import joined
from dicomwire.retrieval import Progress, Retrieved
from dicomwire.vocabulary.statuses import QR_MOVE_SERVICE_CLASS_STATUS, STATUS_CANCEL, STATUS_PENDING, code_to_category

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LOGGER = logger(__name__)

UNKNOWN_DESTINATION = 0xA801


class Followed(NamedTuple):
    """What came of a retrieval whose responses were taken to the end."""

    progress: Progress
    """How far it came."""

    status: Dataset
    """The final status; empty if none came."""

    failed: Dataset | None
    """The list of failed instances."""

    is_stopped: bool
    """We have asked the peer to stop."""


def progress_of(status: Dataset, before: Progress, path: Path | None) -> Progress:
    """How far it is, after one more response; the counters are optional in each."""
    is_pending = code_to_category(status.Status) == STATUS_PENDING
    return Progress(
        completed=status.get("NumberOfCompletedSuboperations", before.completed),
        failed=status.get("NumberOfFailedSuboperations", before.failed),
        warning=status.get("NumberOfWarningSuboperations", before.warning),
        remaining=status.get("NumberOfRemainingSuboperations", before.remaining if is_pending else None),
        path=path,
    )


def outcome_of(
    association: AssociationBase,
    progressed: Followed,
    files: Folder | None,
    explained: str | None,
    *,
    destination: str | None = None,
    proposed: str | None = None,
) -> Retrieved:
    """What a retrieval came to: the counts of its last response, the files, and in words why it failed, if it did."""
    done, status, failed, is_stopped = progressed
    code: int | None = status.get("Status")
    if code is None:
        failure: str | None = association.explain()
    else:
        failure = _failure(code, status.get("ErrorComment"), destination, is_stopped=is_stopped)
    if failure is None:
        told = done.completed + done.warning
        if files is not None and files.count < told:
            failure = f"the peer says that it has sent {told}, but {files.count} arrived here"
            if destination is not None:
                failure += f": does it know this address for '{printable(destination)}'?"
    else:
        more = [f"writing failed: {files.error}"] if files is not None and files.error is not None else []
        if code is not None and code_to_category(code) != STATUS_CANCEL:
            if explained is not None:
                more.append(explained)
            if proposed is not None and (done.failed or failed):
                more.append(proposed)
        failure = "; ".join([failure, *more])
    return Retrieved(
        status=code,
        completed=done.completed,
        failed=done.failed,
        warning=done.warning,
        remaining=done.remaining,
        paths=() if files is None else files.stored,
        failed_uids=_uids(failed),
        failure=failure,
    )


def _failure(code: int, comment: Any, destination: str | None, *, is_stopped: bool) -> str | None:
    category = code_to_category(code)
    if code == 0x0000:
        return None
    text = QR_MOVE_SERVICE_CLASS_STATUS.get(code, (category, ""))[1]
    said = f"0x{code:04X} ({category}{': ' if text else ''}{text})"
    if comment:
        said += f", {printable(joined(comment))}"
    if code == UNKNOWN_DESTINATION and destination is not None:
        said += f": have '{printable(destination)}' and its address added to the peer's configuration"
        if comment:
            said += ", as they are"
    if category == STATUS_CANCEL and not is_stopped:
        said += f": {STOPPED_BY_ITSELF}"
    return said


def _uids(failed: Dataset | None) -> tuple[str, ...]:
    """The UIDs of a list of failed instances."""
    try:
        value = None if failed is None else failed.get("FailedSOPInstanceUIDList")
    except Exception as error:  # whatever pydicom makes of what a peer sent
        LOGGER.error("the list of failed instances cannot be decoded: %s", reason(error))
        return ()
    if not value:
        return ()
    return (str(value),) if isinstance(value, str) else tuple(map(str, value))
