"""One value for the deadlines of all phases: of an AE, of an association, and in the docs' picture."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from attrs import fields

from dicomwire import AE, Timeouts, evt
from dicomwire.memory import AE as MemoryAE, Network
from dicomwire.sop_class import Verification

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "deadlines.svg"


def test_the_picture_names_every_phase_in_order_and_nothing_else() -> None:
    named = re.findall(r'class="phase"[^>]*>(\w+)<', PICTURE.read_text(encoding="utf-8"))
    assert sorted(named) == sorted(field.name for field in fields(Timeouts))


def test_the_documented_timeouts_are_views_of_the_value() -> None:
    ae = AE()
    ae.timeouts = Timeouts(artim=1, response=2, idle=3, connect=4, write=5, close=6)
    assert (ae.acse_timeout, ae.dimse_timeout, ae.network_timeout) == (1, 2, 3)
    assert (ae.connection_timeout, ae.write_timeout) == (4, 5)
    ae.acse_timeout = ae.network_timeout = 7
    value = ae.timeouts
    assert {value.artim, value.associate, value.release, value.handshake, value.progress, value.idle} == {7}
    assert value.close == 6


def test_a_value_is_copied() -> None:
    one, other, value = AE(), AE(), Timeouts(close=1)
    one.timeouts = other.timeouts = value
    one.timeouts.close = 5
    assert (other.timeouts.close, value.close, one.new_timeouts().close) == (1, 1, 5)
    one.new_timeouts().close = 9
    assert one.timeouts.close == 5


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (Timeouts(connect=0), ValueError),
        (Timeouts(idle=-1), ValueError),
        (Timeouts(close=float("nan")), ValueError),
        (Timeouts(release="5"), TypeError),  # type: ignore[arg-type]
        (5, TypeError),
    ],
)
def test_what_is_no_timeout_changes_nothing(bad: Any, error: type[Exception]) -> None:
    ae = AE()
    before = str(ae.timeouts)
    with pytest.raises(error):
        ae.timeouts = bad
    assert str(ae.timeouts) == before


def test_infinity_is_no_limit() -> None:
    ae = AE()
    ae.timeouts = Timeouts(idle=float("inf"))
    assert ae.timeouts.idle is None


def test_close_and_response_of_one_association_are_its_own() -> None:
    network = Network()
    told: list[float] = []

    async def freeze(event: Any) -> None:
        await network.sleep(1000)

    async def main() -> None:
        ae = MemoryAE("EXAMPLE", network)
        ae.add_supported_context(Verification)
        ae.add_requested_context(Verification)
        await ae.start_server(("memory", 104), block=False, evt_handlers=[(evt.EVT_C_ECHO, freeze)])
        association = await ae.associate("memory", 104, timeouts=Timeouts(response=10, close=7))
        assert len(await association.send_c_echo()) == 0
        told.append(network.now)
        assert ae.timeouts.close == 2

    network.run(main())
    assert told == [17]
