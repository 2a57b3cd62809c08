"""The seven PDUs as values, and their bytes (PS3.8 9.3)."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, ClassVar, TypeAlias, TypeVar

from attrs import field, frozen
from attrs.validators import max_len, min_len

from dicomwire._values import Value
from dicomwire.errors import RemoteProtocolError
from dicomwire.upper_layer.deriving import Deriving
from dicomwire.upper_layer.item_fields import decode_text, encode_item, pack, split_items
from dicomwire.upper_layer.items import (
    APPLICATION_CONTEXT,
    PRESENTATION_CONTEXT_AC,
    PRESENTATION_CONTEXT_RQ,
    USER_INFORMATION,
    AsynchronousOperationsWindowItem,
    ImplementationClassUIDItem,
    ImplementationVersionNameItem,
    MaximumLengthItem,
    PresentationContextACItem,
    PresentationContextRQItem,
    UnknownItem,
    UserItem,
    decode_user_information,
    encode_user_information,
)
from dicomwire.upper_layer.limits import Limits
from dicomwire.upper_layer.reasons import (
    NO_VALUE,
    AbortReason,
    AbortSource,
    RejectResult,
    RejectSource,
    diagnostic_words,
)

HEADER = Struct(">BxL")
P_DATA_HEAD = Struct(">BxLLBB")
"""The header of a P-DATA-TF and that of the first presentation data value in it."""

_FIXED = Struct(">H2x16s16s32s")
_PDV = Struct(">LBB")

APPLICATION_CONTEXT_NAME = "1.2.840.10008.3.1.1.1"

_T = TypeVar("_T")


def _title_field(title: str | bytes) -> bytes:
    """An AE title as its 16 bytes on the wire."""
    raw = title if isinstance(title, bytes) else title.encode("ascii")
    if len(raw) > 16:
        raise ValueError(f"AE title of {len(raw)} characters is longer than 16")
    return raw.ljust(16, b" ")


def decode_title(raw: bytes) -> str:
    """An AE title as people write it: cut at the first NUL, without the spaces around it (PS3.8 9.3.2)."""
    return decode_text(raw.split(b"\0", 1)[0]).strip(" ")


@frozen(kw_only=True, repr=False, eq=False)
class PDU(Deriving):
    """Base of the seven."""

    pdu_type: ClassVar[int]
    name: ClassVar[str]

    received: bytes | None = field(default=None, init=False, eq=False, repr=False)
    """The bytes this was decoded from, reserved octets and padding as the peer sent them; None if we made it."""

    def body(self) -> bytes:
        """The variable field: what follows the 6-byte header."""
        raise NotImplementedError

    def encode(self) -> bytes:
        """The whole PDU.

        A decoded one gives back the bytes it came from, so that a proxy forwards what it got;
        ``attrs.evolve(pdu)`` gives one that encodes as the standard has it.
        """
        known: dict[Any, bytes] = self.derived_values
        return self.received or (known["bytes"] if "bytes" in known else self.derive("bytes", self._encode))

    def _encode(self) -> bytes:
        body = self.body()
        return HEADER.pack(self.pdu_type, len(body)) + body

    def __str__(self) -> str:
        from dicomwire.vocabulary.descriptions import describe

        return describe(self)

    @property
    def pdu_length(self) -> int:
        """Bytes behind the 6-byte header."""
        return len(self.encode()) - 6


@frozen(kw_only=True, repr=False, eq=False)
class _Associate(PDU):
    """What A-ASSOCIATE-RQ and -AC share."""

    # The raw fields are kept because the answer must repeat them byte for byte (PS3.8 9.3.3).
    _called: bytes = field(alias="called_ae_title", converter=_title_field)
    _calling: bytes = field(alias="calling_ae_title", converter=_title_field)
    reserved: bytes = field(default=bytes(32), repr=False, validator=[min_len(32), max_len(32)])
    protocol_version: int = 1
    """A bit mask; bit 0 is version 1, the only one there is."""

    application_context_name: str | None = APPLICATION_CONTEXT_NAME
    presentation_context: tuple[PresentationContextRQItem, ...] | tuple[PresentationContextACItem, ...] = ()
    user_information: tuple[UserItem, ...] = ()
    unknown_items: tuple[UnknownItem, ...] = ()

    @property
    def called_ae_title(self) -> str:
        return self.derive("called", lambda: decode_title(self._called))

    @property
    def calling_ae_title(self) -> str:
        return self.derive("calling", lambda: decode_title(self._calling))

    @property
    def titles(self) -> tuple[bytes, bytes]:
        """The called and calling title as their 16 bytes each."""
        return self._called, self._calling

    def user_items(self, kind: type[_T]) -> list[_T]:
        """The user information sub-items of one class, in the order sent."""
        return [item for item in self.user_information if isinstance(item, kind)]

    def user_item(self, kind: type[_T]) -> _T | None:
        """The one sub-item of a class; of several, the last, as other implementations do."""
        known: dict[Any, _T | None] = self.derived_values
        return known[kind] if kind in known else self.derive(kind, lambda: next(reversed(self.user_items(kind)), None))

    @property
    def maximum_length(self) -> int | None:
        """The longest P-DATA-TF body the sender takes; 0 is no limit, None is unsaid (PS3.8 D.1)."""
        item = self.user_item(MaximumLengthItem)
        return None if item is None else item.maximum_length

    @property
    def implementation_class_uid(self) -> str | None:
        item = self.user_item(ImplementationClassUIDItem)
        return None if item is None else item.implementation_class_uid

    @property
    def implementation_version_name(self) -> str | None:
        item = self.user_item(ImplementationVersionNameItem)
        return None if item is None else item.implementation_version_name

    @property
    def asynchronous_operations(self) -> tuple[int, int]:
        """Operations invoked and performed, (1, 1) if not negotiated (PS3.7 D.3.3.3)."""
        item = self.user_item(AsynchronousOperationsWindowItem)
        if item is None:
            return 1, 1
        return item.maximum_number_operations_invoked, item.maximum_number_operations_performed

    def body(self) -> bytes:
        """The fixed fields, 68 bytes, and the items behind them."""
        parts = [pack(_FIXED, self.protocol_version, self._called, self._calling, self.reserved)]
        if self.application_context_name is not None:
            parts.append(encode_item(APPLICATION_CONTEXT, self.application_context_name.encode("latin-1", "replace")))
        parts.extend(context.encode() for context in self.presentation_context)
        if self.user_information:
            parts.append(encode_user_information(self.user_information))
        parts.extend(item.encode() for item in self.unknown_items)
        return b"".join(parts)


@frozen(kw_only=True, repr=False, cache_hash=True)
class AssociateRQ(_Associate):
    """A-ASSOCIATE-RQ (PS3.8 9.3.2)."""

    pdu_type: ClassVar[int] = 0x01
    name: ClassVar[str] = "A-ASSOCIATE-RQ"

    presentation_context: tuple[PresentationContextRQItem, ...] = ()


@frozen(kw_only=True, repr=False, cache_hash=True)
class AssociateAC(_Associate):
    """A-ASSOCIATE-AC (PS3.8 9.3.3).  Its titles and reserved bytes repeat the request's; never test them."""

    pdu_type: ClassVar[int] = 0x02
    name: ClassVar[str] = "A-ASSOCIATE-AC"

    presentation_context: tuple[PresentationContextACItem, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class AssociateRJ(PDU):
    """A-ASSOCIATE-RJ (PS3.8 9.3.4)."""

    pdu_type: ClassVar[int] = 0x03
    name: ClassVar[str] = "A-ASSOCIATE-RJ"

    result: int
    """A :class:`RejectResult`: 1 permanent, 2 transient, the same request may succeed later."""

    source: int
    """A :class:`RejectSource`: 1 service user, 2 provider (ACSE), 3 provider (presentation)."""

    reason_diagnostic: int

    def body(self) -> bytes:
        """Its four bytes: a reserved one, result, source and reason (PS3.8 9.3.4)."""
        return bytes((0, self.result, self.source, self.reason_diagnostic))

    @property
    def result_str(self) -> str:
        return RejectResult.words_of(self.result)

    @property
    def source_str(self) -> str:
        return RejectSource.words_of(self.source)

    @property
    def reason_str(self) -> str:
        return diagnostic_words(self.source, self.reason_diagnostic)


@frozen(kw_only=True, repr=False, eq=False)
class ReleaseRQ(PDU):
    """A-RELEASE-RQ (PS3.8 9.3.6)."""

    pdu_type: ClassVar[int] = 0x05
    name: ClassVar[str] = "A-RELEASE-RQ"

    def body(self) -> bytes:
        """Four reserved bytes (PS3.8 9.3.6)."""
        return bytes(4)


@frozen(kw_only=True, repr=False, eq=False)
class ReleaseRP(PDU):
    """A-RELEASE-RP (PS3.8 9.3.7)."""

    pdu_type: ClassVar[int] = 0x06
    name: ClassVar[str] = "A-RELEASE-RP"

    def body(self) -> bytes:
        """Four reserved bytes (PS3.8 9.3.7)."""
        return bytes(4)


@frozen(kw_only=True, repr=False, eq=False)
class Abort(PDU):
    """A-ABORT (PS3.8 9.3.8)."""

    pdu_type: ClassVar[int] = 0x07
    name: ClassVar[str] = "A-ABORT"

    source: int = AbortSource.USER
    """An :class:`AbortSource`: 0 service-user, 2 service-provider, also when the peer sent less than 4 bytes."""

    reason_diagnostic: int = AbortReason.NO_REASON
    """An :class:`AbortReason`; without meaning when ``source`` is 0."""

    def body(self) -> bytes:
        """Its four bytes: two reserved ones, source and reason (PS3.8 9.3.8)."""
        return bytes((0, 0, self.source, self.reason_diagnostic))

    @property
    def source_str(self) -> str:
        words = AbortSource.words_of(self.source)
        return words if words == NO_VALUE else f"DUL {words.lower().replace(' ', '-')}"

    @property
    def reason_str(self) -> str:
        is_providers = self.source == AbortSource.PROVIDER
        return AbortReason.words_of(self.reason_diagnostic if is_providers else AbortReason.NO_REASON)


@frozen(repr=False, eq=False)
class PresentationDataValue(Value):
    """One PDV item of a P-DATA-TF (PS3.8 9.3.5.1)."""

    context_id: int
    control_header: int
    """Bit 0: command, else data set; bit 1: last fragment (PS3.8 E.2)."""

    fragment: bytes

    @property
    def is_command(self) -> bool:
        return bool(self.control_header & 1)

    @property
    def is_last(self) -> bool:
        return bool(self.control_header & 2)


@frozen(kw_only=True, repr=False, eq=False)
class PDataTF(PDU):
    """P-DATA-TF (PS3.8 9.3.5) as a value: for tools and logs.  ``Connection`` never builds one to move data."""

    pdu_type: ClassVar[int] = 0x04
    name: ClassVar[str] = "P-DATA-TF"

    presentation_data_value_items: tuple[PresentationDataValue, ...]

    def body(self) -> bytes:
        """The presentation data values, each behind its length, context ID and control header (PS3.8 9.3.5.1)."""
        return b"".join(
            pack(_PDV, len(item.fragment) + 2, item.context_id, item.control_header) + item.fragment
            for item in self.presentation_data_value_items
        )


AnyPDU: TypeAlias = AssociateRQ | AssociateAC | AssociateRJ | PDataTF | ReleaseRQ | ReleaseRP | Abort

NAMES = {
    pdu.pdu_type: pdu.name for pdu in (AssociateRQ, AssociateAC, AssociateRJ, PDataTF, ReleaseRQ, ReleaseRP, Abort)
}


DEFAULT_LIMITS = Limits()


def decode_pdu(data: bytes, limits: Limits = DEFAULT_LIMITS) -> AnyPDU:
    """The PDU that ``data`` holds, exactly and whole.

    Raises:
        RemoteProtocolError: the bytes are no valid PDU.
    """
    if len(data) < 6:
        raise RemoteProtocolError(f"{len(data)} bytes are too short for a PDU header")
    kind, length = HEADER.unpack_from(data)
    if length != len(data) - 6:
        raise RemoteProtocolError(f"PDU says {length} bytes, but {len(data) - 6} follow its header")
    body = data[6:]
    pdu: AnyPDU
    match kind:
        case 0x01:
            pdu = _decode_rq(body, limits)
        case 0x02:
            pdu = _decode_ac(body, limits)
        case 0x03:
            if length < 4:
                raise RemoteProtocolError(f"A-ASSOCIATE-RJ of {length} bytes, which needs 4")
            pdu = AssociateRJ(result=body[1], source=body[2], reason_diagnostic=body[3])
        case 0x04:
            pdu = PDataTF(presentation_data_value_items=_decode_pdvs(body))
        case 0x05:
            pdu = ReleaseRQ()
        case 0x06:
            pdu = ReleaseRP()
        case 0x07:
            # An A-ABORT of any length ends the association.
            source, reason = body[2:4] if length >= 4 else (AbortSource.PROVIDER, AbortReason.NO_REASON)
            pdu = Abort(source=source, reason_diagnostic=reason)
        case _:
            raise RemoteProtocolError(f"unrecognized PDU type {kind:#04x}", reason=AbortReason.UNRECOGNIZED_PDU)
    object.__setattr__(pdu, "received", bytes(data))
    return pdu


def _decode_pdvs(body: bytes) -> tuple[PresentationDataValue, ...]:
    items = []
    offset, end = 0, len(body)
    if not body:
        raise RemoteProtocolError("P-DATA-TF without any presentation data value")
    while offset < end:
        if end - offset < 6:
            raise RemoteProtocolError(f"{end - offset} bytes left in a P-DATA-TF, too few for a PDV")
        length, context_id, control_header = _PDV.unpack_from(body, offset)
        check_pdv_length(length, end - offset)
        items.append(PresentationDataValue(context_id, control_header, body[offset + 6 : offset + 4 + length]))
        offset += 4 + length
    return tuple(items)


def check_pdv_length(length: int, left: int) -> None:
    """Judge a PDV item length against the bytes left in the PDU, its own length field included."""
    if length < 2:
        raise RemoteProtocolError(f"PDV item length {length}, which must be at least 2")
    if length > left - 4:
        raise RemoteProtocolError(f"PDV of {length} bytes in a P-DATA-TF that has {left - 4} left")


_Context = TypeVar("_Context", PresentationContextRQItem, PresentationContextACItem)


def _decode_associate(
    body: bytes, name: str, context_kind: int, decode: Callable[[bytes], _Context], limits: Limits
) -> tuple[dict[str, Any], list[_Context]]:
    """The fields that RQ and AC share, and the presentation contexts."""
    if len(body) < 68:
        raise RemoteProtocolError(f"{name} of {len(body)} bytes, which needs at least 68")
    version, called, calling, reserved = _FIXED.unpack_from(body)
    application_context: str | None = None
    user_information: tuple[UserItem, ...] = ()
    contexts: list[_Context] = []
    unknown: list[UnknownItem] = []
    for kind, value in split_items(body[68:], f"the {name}"):
        if kind == context_kind:
            contexts.append(decode(value))
            if len(contexts) > limits.contexts:
                raise RemoteProtocolError(f"{name} with more than {limits.contexts} presentation contexts")
        elif kind == APPLICATION_CONTEXT:
            application_context = decode_text(value)
        elif kind == USER_INFORMATION:
            user_information = decode_user_information(value, limits.items)
        elif len(unknown) == limits.items:
            raise RemoteProtocolError(f"{name} with more than {limits.items} unknown items")
        else:
            unknown.append(UnknownItem(kind, value))
    common = {
        "protocol_version": version,
        "called_ae_title": called,
        "calling_ae_title": calling,
        "reserved": reserved,
        "application_context_name": application_context,
        "user_information": user_information,
        "unknown_items": tuple(unknown),
    }
    return common, contexts


def _decode_rq(body: bytes, limits: Limits) -> AssociateRQ:
    common, contexts = _decode_associate(
        body, AssociateRQ.name, PRESENTATION_CONTEXT_RQ, PresentationContextRQItem.decode, limits
    )
    for context in contexts:
        if len(context.transfer_syntax) > limits.transfer_syntaxes:
            raise RemoteProtocolError(
                f"presentation context {context.context_id} with {len(context.transfer_syntax)} transfer syntaxes, "
                f"more than {limits.transfer_syntaxes}"
            )
    return AssociateRQ(presentation_context=tuple(contexts), **common)


def _decode_ac(body: bytes, limits: Limits) -> AssociateAC:
    common, contexts = _decode_associate(
        body, AssociateAC.name, PRESENTATION_CONTEXT_AC, PresentationContextACItem.decode, limits
    )
    return AssociateAC(presentation_context=tuple(contexts), **common)
