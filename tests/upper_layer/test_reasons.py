"""The codes of rejections and aborts, against PS3.8 tables 9-21 and 9-26."""

from __future__ import annotations

import pytest

from dicomwire.upper_layer import Abort, AbortReason, AbortSource, AssociateRJ, RejectResult, RejectSource
from dicomwire.upper_layer.reasons import DIAGNOSTICS, NO_VALUE, Code, diagnostic_words

REJECTIONS = {
    (1, 1): "No reason given",
    (1, 2): "Application context name not supported",
    (1, 3): "Calling AE title not recognised",
    (1, 7): "Called AE title not recognised",
    (2, 1): "No reason given",
    (2, 2): "Protocol version not supported",
    (3, 1): "Temporary congestion",
    (3, 2): "Local limit exceeded",
}

KINDS: list[tuple[type[Code], dict[int, str]]] = [
    (RejectResult, {1: "Rejected Permanent", 2: "Rejected Transient"}),
    (RejectSource, {1: "Service User", 2: "Service Provider (ACSE)", 3: "Service Provider (Presentation)"}),
    (AbortSource, {0: "Service User", 2: "Service Provider"}),
    (
        AbortReason,
        {
            0: "No reason given",
            1: "Unrecognised PDU",
            2: "Unexpected PDU",
            4: "Unrecognised PDU parameter",
            5: "Unexpected PDU parameter",
            6: "Invalid PDU parameter value",
        },
    ),
]


@pytest.mark.parametrize(("kind", "words"), KINDS)
def test_a_code_is_its_number_and_has_the_words(kind: type[Code], words: dict[int, str]) -> None:
    assert {int(code): code.words for code in kind} == words
    assert {value: kind.words_of(value) for value in range(256) if kind.words_of(value) != NO_VALUE} == words
    assert kind.words_of(None) == NO_VALUE


def test_a_diagnostic_means_something_else_with_each_source() -> None:
    known = {(source, int(code)): code.words for source, kind in DIAGNOSTICS.items() for code in kind}
    assert known == REJECTIONS
    for source in (None, *range(6)):
        for diagnostic in (None, *range(10)):
            words = REJECTIONS.get((source or 0, diagnostic or 0), NO_VALUE)
            assert diagnostic_words(source, diagnostic) == words


def test_a_code_is_shown_as_the_number_that_it_is() -> None:
    assert f"{RejectSource.ACSE!r} {RejectSource.ACSE!s} {RejectSource.ACSE}" == "2 2 2"
    coded = Abort(source=AbortSource.PROVIDER, reason_diagnostic=AbortReason.UNEXPECTED_PDU)
    plain = Abort(source=2, reason_diagnostic=2)
    assert (coded, repr(coded), str(coded)) == (plain, repr(plain), str(plain))
    assert coded.encode() == plain.encode()


def test_pdus_keep_codes_that_the_standard_does_not_define() -> None:
    odd = AssociateRJ(result=9, source=1, reason_diagnostic=4)
    assert (odd.result_str, odd.source_str, odd.reason_str) == (NO_VALUE, "Service User", NO_VALUE)
    assert AssociateRJ(result=2, source=3, reason_diagnostic=1).reason_str == "Temporary congestion"
    assert (Abort().source_str, Abort(source=2).source_str) == ("DUL service-user", "DUL service-provider")
    assert Abort(source=1, reason_diagnostic=2).source_str == NO_VALUE
    assert Abort(source=0, reason_diagnostic=2).reason_str == "No reason given"
    assert Abort(source=2, reason_diagnostic=3).reason_str == NO_VALUE
