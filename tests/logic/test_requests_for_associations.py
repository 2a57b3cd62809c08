"""What an association request is made of, and what is said where nobody is there to get it."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from dicomwire import build_context, build_role
from dicomwire.associations.entity_base import ApplicationEntityBase
from dicomwire.associations.requesting import RequestOptions, not_connected, propose
from dicomwire.pdu_primitives import AsynchronousOperationsWindowNegotiation, UserIdentityNegotiation
from dicomwire.upper_layer.items import AsynchronousOperationsWindowItem, MaximumLengthItem

VERIFICATION, CT = "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.2"


def an_ae() -> ApplicationEntityBase:
    made = ApplicationEntityBase("OURS")
    made.add_requested_context(VERIFICATION)
    return made


def proposed(entity: ApplicationEntityBase | None = None, **options: Any) -> Any:
    return propose(entity or an_ae(), RequestOptions(**options)).request


def window_of(request: Any) -> list[tuple[int, int]]:
    return [
        (item.maximum_number_operations_invoked, item.maximum_number_operations_performed)
        for item in request.user_information
        if isinstance(item, AsynchronousOperationsWindowItem)
    ]


@pytest.mark.parametrize("length", [0, 7, 8, 16382])
def test_a_length_in_which_a_fragment_fits_is_proposed(length: int) -> None:
    (item,) = (item for item in proposed(max_pdu=length).user_information if isinstance(item, MaximumLengthItem))
    assert item.maximum_length == length


@pytest.mark.parametrize("length", [-1, 1, 2, 6])
def test_a_length_in_which_none_fits_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"max_pdu {length}: no fragment fits"):
        proposed(max_pdu=length)


def test_a_length_that_is_no_number_is_refused() -> None:
    with pytest.raises(TypeError, match="max_pdu is a number, not str"):
        proposed(max_pdu="16382")


def test_the_titles_are_those_given() -> None:
    request = proposed(ae_title="THEIRS")
    assert (request.called_ae_title, request.calling_ae_title) == ("THEIRS", "OURS")
    with pytest.raises(ValueError, match="'ae_title' must not be empty"):
        proposed(ae_title=" ")
    with pytest.raises(TypeError, match="'ae_title' must be str, not NoneType"):
        proposed(ae_title=None)


def test_a_window_of_one_operation_is_not_proposed() -> None:
    assert window_of(proposed()) == []


def test_a_larger_window_is_that_of_the_ae_unless_one_was_given() -> None:
    entity = an_ae()
    entity.asynchronous_operations = (3, 2)
    assert window_of(proposed(entity)) == [(3, 2)]
    # What else is negotiated is no window.
    assert window_of(proposed(entity, ext_neg=[build_role(VERIFICATION, scp_role=True)])) == [(3, 2)]
    given = AsynchronousOperationsWindowNegotiation()
    given.maximum_number_operations_invoked, given.maximum_number_operations_performed = 5, 4
    assert window_of(proposed(entity, ext_neg=[given])) == [(5, 4)]


def test_items_are_in_the_order_of_their_types() -> None:
    entity = an_ae()
    entity.asynchronous_operations = (3, 2)
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.primary_field = 1, b"me"
    request = proposed(entity, ext_neg=[identity, build_role(VERIFICATION, scp_role=True)])
    assert [item.kind for item in request.user_information] == [0x51, 0x52, 0x53, 0x54, 0x55, 0x58]


def test_a_request_is_made_once_but_for_one_that_says_who_the_user_is() -> None:
    assert proposed(ae_title="AGAIN") is proposed(ae_title="AGAIN")
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.primary_field = 1, b"me"
    one, other = (proposed(ae_title="AGAIN", ext_neg=[identity]) for _ in range(2))
    assert one == other and one is not other


def test_an_item_that_is_said_once_is_refused_twice() -> None:
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.primary_field = 1, b"me"
    with pytest.raises(ValueError, match="more than one UserIdentityNegotiation"):
        proposed(ext_neg=[identity, identity])
    with pytest.raises(TypeError, match="str is no extended negotiation item"):
        proposed(ext_neg=["x"])


def test_contexts_are_those_given_or_of_the_ae() -> None:
    assert [str(item.abstract_syntax) for item in proposed().presentation_context] == [VERIFICATION]
    made = proposed(contexts=[build_context(CT)])
    assert [str(item.abstract_syntax) for item in made.presentation_context] == [CT]
    with pytest.raises(ValueError, match="contexts holds str"):
        proposed(contexts=["x"])
    with pytest.raises(RuntimeError, match="no presentation contexts"):
        proposed(ApplicationEntityBase())


class Ending:
    """Keeps how it ended."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, str]] = []

    async def finish(self, outcome: str, why: str) -> None:
        self.ends.append((outcome, why))


@pytest.mark.parametrize(
    ("error", "why", "named"),
    [
        (OSError("refused"), "refused", " to THEIRS@192.0.2.7"),
        (OSError("THEIRS@192.0.2.7 refused"), "THEIRS@192.0.2.7 refused", ""),
        (TimeoutError(), "timed out", " to THEIRS@192.0.2.7"),
        (ConnectionError(), "connection closed", " to THEIRS@192.0.2.7"),
    ],
)
def test_without_a_connection_it_is_said_why_and_to_whom(
    error: Exception, why: str, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    ending = Ending()
    standing = SimpleNamespace(advice=None)
    sides = SimpleNamespace(peer_name="THEIRS@192.0.2.7")
    association: Any = SimpleNamespace(line=SimpleNamespace(standing=standing, sides=sides, ending=ending))
    caplog.set_level(logging.ERROR, "dicomwire")
    asyncio.run(not_connected(association, error))
    assert ending.ends == [("aborted", f"no connection: {why}")]
    assert [record.getMessage() for record in caplog.records] == [f"no connection{named}: {why}"]
