"""An instance that has come whole, and what can be said of it."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import define

from dicomwire._logging import printable, shown_address
from dicomwire.associations import events as evt
from dicomwire.data.reading_files import read_instance
from dicomwire.data.safe_names import safe_name, safe_text

OF_THE_REQUEST = ("SOPClassUID", "SOPInstanceUID", "CallingAETitle", "CalledAETitle")
"""What is known without a look into the data set."""

_MISSING = "unknown"


@define(slots=False, eq=False)
class ArrivedInstance:
    """An instance in a file, and the request that brought it."""

    event: evt.Event
    path: Path
    """The file; of another name than it will have while that has not been decided."""

    size: int
    """Bytes of the data set."""

    @property
    def sop_class_uid(self) -> str:
        """As the request says it; empty if it does not."""
        return self.event.request.AffectedSOPClassUID or ""

    @property
    def sop_instance_uid(self) -> str:
        """As the request says it; empty if it does not."""
        return self.event.request.AffectedSOPInstanceUID or ""

    @property
    def calling_ae_title(self) -> str:
        """Of the requestor of the association."""
        title: str = self.event.assoc.requestor.ae_title
        return title

    @property
    def called_ae_title(self) -> str:
        """Whom the requestor asked for, which need not be what the acceptor calls itself."""
        request = self.event.assoc.requestor.primitive
        return "" if request is None else str(request.called_ae_title).strip()

    @property
    def sender(self) -> str:
        """The title of whoever sent it: of the acceptor, if we asked for it (C-GET)."""
        association = self.event.assoc
        return printable((association.acceptor if association.is_requestor else association.requestor).ae_title)

    @cached_property
    def data_set(self) -> Any:
        """The data set without pixels, read when it is asked for the first time.

        Raises:
            BrokenDataSet, OSError: it is none, is beyond the limits, or cannot be read.
        """
        return read_instance(self.path, with_pixels=False)

    def safe_value(self, keyword: str) -> str:
        """The value of an element as a part of a path or a command: never empty, and never more than that.

        Raises:
            BrokenDataSet, OSError: as :attr:`data_set`.
        """
        if keyword == "SOPInstanceUID":
            return safe_name(self.sop_instance_uid)
        if keyword == "SOPClassUID":
            return safe_name(self.sop_class_uid)
        if keyword == "CallingAETitle":
            text = self.calling_ae_title
        elif keyword == "CalledAETitle":
            text = self.called_ae_title
        else:
            text = _first(self.data_set, keyword)
            if text and keyword.endswith("UID"):
                return safe_name(text)
        return safe_text(text) if text.strip() else _MISSING

    def as_json(self, status: int) -> str:
        """One line of JSON in ASCII, without values of the data set."""
        association = self.event.assoc
        peer = association.acceptor if association.is_requestor else association.requestor
        return json.dumps(
            {
                "status": f"{status:04X}",
                "path": str(self.path) if status == 0 else None,
                "size": self.size,
                "sop_class_uid": self.sop_class_uid,
                "sop_instance_uid": self.sop_instance_uid,
                "transfer_syntax_uid": self.event.context.transfer_syntax,
                "calling_ae_title": self.calling_ae_title,
                "called_ae_title": self.called_ae_title,
                "address": shown_address((peer.address, peer.port)),
            },
            separators=(",", ":"),
        )


def _first(data_set: Any, keyword: str) -> str:
    """The first value as text; nothing where there is none, or where it cannot be read."""
    try:
        value = data_set.get(keyword)
        if isinstance(value, list) or hasattr(value, "insert"):
            value = value[0] if len(value) else None
        return "" if value is None else str(value)
    except Exception:  # whatever pydicom makes of what a peer sent
        return ""
