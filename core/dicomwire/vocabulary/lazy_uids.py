"""UIDs as programs know them, ``pydicom.uid.UID``, without loading pydicom before somebody looks into one.

Nothing of pydicom can be imported alone: its package loads its data sets, which takes longer than all of ours.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.uid import UID

_set_class: Any = vars(object)["__class__"].__set__

# Newer than the dictionary of some versions of pydicom; they get names there, so that they can be shown.
_NEW_TRANSFER_SYNTAXES = {
    "1.2.840.10008.1.2.4.110": ("JPEG XL Lossless", "JPEGXLLossless"),
    "1.2.840.10008.1.2.4.111": ("JPEG XL JPEG Recompression", "JPEGXLJPEGRecompression"),
    "1.2.840.10008.1.2.4.112": ("JPEG XL", "JPEGXL"),
    "1.2.840.10008.1.2.8.1": ("Deflated Image Frame Compression", "DeflatedImageFrameCompression"),
}

_loaded: type[UID] | None = None


def as_uid(value: str) -> UID:
    """That ``UID``: one of pydicom if that is loaded, else what becomes one when it is looked at; not validated."""
    if "pydicom" not in sys.modules:
        return value if type(value) is _LazyUID else _LazyUID(value.strip())  # type: ignore[return-value]
    kind = _loaded or uid_class()
    # Zero is IGNORE, as in its configuration.
    return value if isinstance(value, kind) else kind(value, 0)


def uid_class() -> type[UID]:
    """The class of pydicom, whose dictionary then has the names of all transfer syntaxes that are known here."""
    global _loaded
    if _loaded is None:
        from pydicom.uid import UID

        from dicomwire.data.pydicom_private import name_transfer_syntax

        for uid, (name, keyword) in _NEW_TRANSFER_SYNTAXES.items():
            name_transfer_syntax(uid, name, keyword)
        _loaded = UID
    return _loaded


class _LazyUID(str):
    """Text that is a ``UID`` to whoever asks, and becomes one of that very class when more than text is asked for."""

    def __getattr__(self, name: str) -> Any:
        # Comes here for what text does not have.
        _set_class(self, uid_class())
        return getattr(self, name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # For copies and pickles.
        _set_class(self, uid_class())
        return self.__reduce_ex__(protocol)

    if not TYPE_CHECKING:

        @property
        def __class__(self) -> type[UID]:
            # What isinstance() asks when the type is not enough; before pydicom is loaded nobody asks for its class.
            return uid_class() if "pydicom" in sys.modules else _LazyUID

        @__class__.setter
        def __class__(self, value: type[UID]) -> None:
            _set_class(self, value)
