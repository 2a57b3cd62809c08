"""Text in the character set that a data set states (PS3.3 C.12.1.1.2, PS3.5 6.1): all of it, or an error.

pydicom puts question marks where a character set lacks a character, and takes the default set, which is ASCII, for
Latin-1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias
from warnings import catch_warnings, simplefilter

from pydicom.charset import convert_encodings, decode_bytes, default_encoding, python_encoding
from pydicom.dataset import Dataset
from pydicom.valuerep import TEXT_VR_DELIMS

from dicomwire.data.pydicom_private import elements_of

CHARACTER_SET = 0x00080005

LATIN_1, UNICODE = "ISO_IR 100", "ISO_IR 192"

TEXT = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
"""VRs that Specific Character Set applies to (PS3.5 6.1.2.3)."""

Terms: TypeAlias = tuple[str, ...]
"""The values of Specific Character Set; none is the default repertoire, ASCII."""

DELIMITERS = "\n\r\t\f"
NAME_DELIMITERS = "^=" + DELIMITERS
"""Before each the character set is that of value 1 again (PS3.5 6.1.2.5.3); backslashes are taken apart before."""

_ASCII, _ROMAJI = b"\x1b(B", b"\x1b(J"

# Codecs, and the escape sequences that call them: of the upper half (G1), or of the lower one (G0).
_UPPER = {
    "13": ("shift_jis", b"\x1b)I"),
    "58": ("gb2312", b"\x1b$)A"),
    "100": ("latin_1", b"\x1b-A"),
    "101": ("iso8859_2", b"\x1b-B"),
    "109": ("iso8859_3", b"\x1b-C"),
    "110": ("iso8859_4", b"\x1b-D"),
    "126": ("iso8859_7", b"\x1b-F"),
    "127": ("iso8859_6", b"\x1b-G"),
    "138": ("iso8859_8", b"\x1b-H"),
    "144": ("iso8859_5", b"\x1b-L"),
    "148": ("iso8859_9", b"\x1b-M"),
    "149": ("euc_kr", b"\x1b$)C"),
    "166": ("iso8859_11", b"\x1b-T"),
}
_LOWER = {"87": ("iso2022_jp", b"\x1b$B"), "159": ("iso2022_jp_2", b"\x1b$(D")}
_WHOLE = {
    UNICODE: "utf_8",
    "GB18030": "gb18030",
    "GBK": "gbk",
    "ISO 2022 GBK": "gbk",
    "ISO 2022 58": "gb2312",
}

DEFINED_TERMS: tuple[str, ...] = (
    *(f"ISO_IR {number}" for number in _UPPER if number not in ("58", "149")),
    *(f"ISO 2022 IR {number}" for number in (*_UPPER, *_LOWER)),
    *(term for term in _WHOLE if not term.startswith("ISO 2022")),
)
"""The values of Specific Character Set that text is encoded for (PS3.3 C.12.1.1.2); all beside ASCII."""

_TERM = re.compile(r"ISO[ _-]IR[ _-](\d+)|ISO[ _-]2022[ _-]IR[ _-](\d+)")
"""Also as people spell them."""


class NotInSet(ValueError):
    """Text that the character set does not hold; the message says which, and not the text."""


class _Call(NamedTuple):
    """A character set that an escape sequence calls."""

    codec: str
    escape: bytes
    is_upper: bool

    def encode(self, character: str) -> bytes | None:
        """One character as bytes, None if it is of another set."""
        try:
            raw = character.encode(self.codec)
        except UnicodeEncodeError:
            return None
        if not self.is_upper:
            # The codec writes escape sequences around it, and falls back on others of its own.
            if not raw.startswith(self.escape):
                return None
            return raw[len(self.escape) :].removesuffix(_ASCII)
        if self.codec == "shift_jis" and len(raw) != 1:
            return None
        return raw if raw[0] & 0x80 else None


def smallest_set(text: Iterable[str]) -> str:
    """The character set for text that no set was chosen for.

    Some peers compare bytes, and more of them hold Latin-1 than Unicode.
    """
    return LATIN_1 if all(char <= "\xff" for part in text for char in part) else UNICODE


def terms_of(value: Any) -> Terms:
    """The values of an element Specific Character Set; an empty one is no choice."""
    if isinstance(value, bytes):
        value = value.decode("latin-1").split("\\")
    elif value is None or isinstance(value, str):
        value = [value]
    terms = tuple(str(item or "").strip(" \0") for item in value)
    return terms if any(terms) else ()


@lru_cache(maxsize=64)
def python_encodings(terms: Terms) -> list[str]:
    """The codecs that pydicom decodes with, the default for what nobody knows; not to be changed."""
    spelled = [_spelled(term) for term in terms] or [""]
    if spelled[0] in _WHOLE:
        del spelled[1:]
    return [python_encoding.get(term, default_encoding) for term in spelled if term == spelled[0] or term not in _WHOLE]


_PRINTABLE, _BEYOND = bytes(range(0x20, 0x7F)), bytes(range(0xFF, 0x7F, -1))


@lru_cache(maxsize=256)
def is_usable(encoding: str) -> bool:
    """Whether pydicom can decode with this codec, which a peer may have chosen: ``hex`` is one, and ``idna``."""
    try:
        _BEYOND.decode(encoding, "replace")
        return _PRINTABLE.decode(encoding) == _PRINTABLE.decode("ascii")
    except Exception:  # whatever there is among codecs
        return False


def stated_in(dataset: Dataset) -> Terms:
    """The character set that a data set or an item states itself."""
    element = elements_of(dataset).get(CHARACTER_SET)  # type: ignore[call-overload]
    return () if element is None else terms_of(element.value)


def encodings_read_in(dataset: Dataset) -> list[str]:
    """The codecs of the character set that a data set was in when it was read; none if it was made here."""
    found = dataset.original_character_set
    return [found] if found and isinstance(found, str) else list(found or ())


def is_read_with(read_in: list[str], terms: Terms) -> bool:
    """Whether these codecs are what a data set with these terms is read with."""
    if read_in == python_encodings(terms):
        return True
    try:
        with catch_warnings():
            simplefilter("ignore")
            return read_in == convert_encodings(list(terms))
    except Exception:  # a term that pydicom does not get along with
        return False


@lru_cache(maxsize=64)
def encoder(terms: Terms) -> Callable[[str, str], bytes]:
    """What encodes text with its delimiters.

    It raises :class:`NotInSet`.
    """
    if not terms:
        return _ascii
    if (codec := _WHOLE.get(_spelled(terms[0]))) is not None:
        return _with_codec(codec, terms)
    calls = [call for term in terms if term and (call := _call(term)) is not None]
    if not calls and any(_spelled(term) not in ("", "ISO_IR 6", "ISO 2022 IR 6") for term in terms):
        return _unknown(terms)
    first = _call(terms[0])
    return _with_extensions(first if first is not None and first.is_upper else None, calls, terms)


def _spelled(term: str) -> str:
    found = _TERM.fullmatch(term)
    if found is None:
        return term
    single, extension = found.groups()
    return f"ISO_IR {single}" if single else f"ISO 2022 IR {extension}"


def _call(term: str) -> _Call | None:
    found = _TERM.fullmatch(term)
    number = "" if found is None else found[1] or found[2]
    if number in _UPPER:
        return _Call(*_UPPER[number], True)
    return _Call(*_LOWER[number], False) if number in _LOWER else None


def named(terms: Terms) -> str:
    """A character set for messages."""
    return "\\".join(terms) if terms else "the default character set, ASCII"


def _lacks(terms: Terms) -> NotInSet:
    return NotInSet(
        f"has characters that {named(terms)} lacks: set SpecificCharacterSet to one that has them, such as {UNICODE}"
    )


def _ascii(text: str, delimiters: str) -> bytes:
    try:
        return text.encode("ascii")
    except UnicodeEncodeError:
        raise _lacks(()) from None


def _unknown(terms: Terms) -> Callable[[str, str], bytes]:
    def encode(text: str, delimiters: str) -> bytes:
        try:
            return text.encode("ascii")
        except UnicodeEncodeError:
            raise NotInSet(
                f"has characters beyond ASCII, and the SpecificCharacterSet {named(terms)!r} is not known here: "
                f"set one that is, such as {UNICODE}"
            ) from None

    return encode


def _with_codec(codec: str, terms: Terms) -> Callable[[str, str], bytes]:
    def encode(text: str, delimiters: str) -> bytes:
        try:
            return text.encode(codec)
        except UnicodeEncodeError as error:
            if "\ud800" <= text[error.start] <= "\udfff":
                raise NotInSet("has surrogates, which are no characters: decode its text from bytes anew") from None
            raise _lacks(terms) from None

    return encode


def _with_extensions(first: _Call | None, calls: list[_Call], terms: Terms) -> Callable[[str, str], bytes]:
    """Code extension techniques (PS3.5 6.1.2.5), ``first`` being what the upper half is where nothing was called."""
    lower_at_rest = _ROMAJI if first is not None and first.codec == "shift_jis" else _ASCII
    upper_at_rest = b"" if first is None else first.escape

    def encode(text: str, delimiters: str) -> bytes:
        if text.isascii():
            return text.encode("ascii")
        lower, upper = lower_at_rest, upper_at_rest
        made = bytearray()
        for character in text:
            if character.isascii():
                if lower != lower_at_rest:
                    made += lower_at_rest
                    lower = lower_at_rest
                if character in delimiters:
                    upper = upper_at_rest
                made += character.encode("ascii")
                continue
            for call in calls:
                raw = call.encode(character)
                if raw is not None:
                    break
            else:
                raise _lacks(terms)
            if call.is_upper and upper != call.escape:
                made += call.escape
                upper = call.escape
            elif not call.is_upper and lower != call.escape:
                made += call.escape
                lower = call.escape
            made += raw
        return bytes(made if lower == lower_at_rest else made + lower_at_rest)

    return encode


def decode_text(raw: bytes, encodings: list[str], *, is_name: bool) -> str:
    """Text from bytes in a set that pydicom knows.

    Raises:
        NotInSet: they are none in that set.
    """
    try:
        if b"\x1b" not in raw:
            return raw.decode(encodings[0])
        text = decode_bytes(raw, encodings, TEXT_VR_DELIMS | ({0x5E, 0x3D} if is_name else set()))
    except (UnicodeError, LookupError, ValueError):
        text = "\ufffd"
    # Where it fails pydicom leaves escape sequences as they are, or puts marks.
    if "\ufffd" in text or "\x1b" in text:
        raise NotInSet("holds bytes that are no text in the character set that they came in")
    return text
