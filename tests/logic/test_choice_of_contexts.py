"""The presentation context that a request goes on."""

from __future__ import annotations

import pytest

from dicomwire.associations.negotiated_contexts import NegotiatedContexts
from dicomwire.associations.negotiation import NegotiatedContext
from tests.support.encoded import BIG, CT, DEFLATED, EXPLICIT, IMPLICIT, JPEG, MR

SCU, SCP, BOTH, NONE = (True, False), (False, True), (True, True), (False, False)


def contexts(*wanted: tuple[str, str, tuple[bool, bool]], result: int = 0) -> NegotiatedContexts:
    """Accepted ones by class, transfer syntax and roles, with the IDs 1, 3, 5 ..."""
    made = NegotiatedContexts()
    made.set(
        [
            NegotiatedContext(2 * index + 1, uid, (syntax,), result, as_scu=scu, as_scp=scp)
            for index, (uid, syntax, (scu, scp)) in enumerate(wanted)
        ]
    )
    return made


def found(context: NegotiatedContext | None) -> int | None:
    return None if context is None else context.context_id


def test_there_are_none_before_the_answer() -> None:
    made = NegotiatedContexts()
    assert not made and made.all == [] and made.accepted(CT) == []
    assert made.find(CT) is None and made.by_id(1) is None
    assert contexts((CT, IMPLICIT, SCU))


def test_only_those_that_were_accepted_count() -> None:
    refused = contexts((CT, IMPLICIT, SCU), result=3)
    assert refused.by_id(1) is None and refused.find(CT) is None and refused.accepted(CT) == []
    made = contexts((CT, IMPLICIT, SCU), (MR, IMPLICIT, SCU), (CT, EXPLICIT, SCP))
    assert [item.context_id for item in made.accepted(CT)] == [1, 5]
    assert (found(made.by_id(3)), found(made.by_id(7))) == (3, None)


def test_what_was_found_before_an_answer_counts_no_more_after_it() -> None:
    made = contexts((CT, IMPLICIT, SCU))
    assert found(made.find(CT)) == 1 and made.find(MR) is None and made.find(CT) is made.find(CT)
    made.set(contexts((MR, IMPLICIT, SCU), (MR, IMPLICIT, SCU), (CT, IMPLICIT, SCP)).all)
    assert made.find(CT) is None and found(made.find(MR)) == 1
    assert [item.context_id for item in made.accepted(CT)] == [5]


@pytest.mark.parametrize(
    ("role", "expected"), [("scu", 3), ("scp", 5), (None, 1)], ids=["as SCU", "as SCP", "in any role"]
)
def test_it_is_one_in_our_role(role: str | None, expected: int) -> None:
    made = contexts((CT, IMPLICIT, NONE), (CT, IMPLICIT, SCU), (CT, IMPLICIT, SCP))
    assert found(made.find(CT, role=role)) == found(made.find(CT, IMPLICIT, role=role)) == expected
    assert found(contexts((CT, IMPLICIT, BOTH)).find(CT, role=role)) == 1


def test_without_a_role_it_is_that_of_the_scu() -> None:
    made = contexts((CT, IMPLICIT, SCP), (CT, IMPLICIT, SCU))
    assert found(made.find(CT)) == 3


@pytest.mark.parametrize(
    ("syntax", "exact", "expected"),
    [
        (IMPLICIT, False, 5),
        (IMPLICIT, True, 5),
        (BIG, False, 3),
        (BIG, True, 3),
        (JPEG, False, 1),
        (EXPLICIT, False, 5),
        (EXPLICIT, True, None),
        (DEFLATED, False, 5),
        (DEFLATED, True, None),
        ("1.2.3", False, None),
        (None, True, 1),
    ],
)
def test_the_transfer_syntax_that_is_wanted_wins_or_one_it_can_be_converted_to(
    syntax: str | None, exact: bool, expected: int | None
) -> None:
    made = contexts((CT, JPEG, SCU), (CT, BIG, SCU), (CT, IMPLICIT, SCU), (CT, DEFLATED, SCP))
    assert found(made.find(CT, syntax, exact=exact)) == expected
    assert made.find(MR, syntax, exact=exact) is None


def test_big_endian_and_compressed_are_not_converted() -> None:
    assert contexts((CT, IMPLICIT, SCU), (CT, EXPLICIT, SCU)).find(CT, JPEG) is None
    assert contexts((CT, IMPLICIT, SCU)).find(CT, BIG) is None
    assert contexts((CT, BIG, SCU), (CT, JPEG, SCU)).find(CT, IMPLICIT) is None


def test_of_several_classes_that_will_do_the_first_is_best() -> None:
    made = contexts((CT, IMPLICIT, SCU), (MR, EXPLICIT, SCU))
    assert found(made.find("1.2.3", classes=(MR, CT))) == 3
    assert found(made.find("1.2.3", classes=(CT, MR))) == 1
    assert found(made.find("1.2.3", IMPLICIT, classes=(MR, CT))) == 1
    assert found(made.find(CT, classes=(MR,))) == 3
    assert made.find("1.2.3", classes=("1.2.4",)) is None
    assert found(made.find(CT)) == 1
