"""Scripted peers: what they do, as SCP and as SCU, over a socket and in memory."""

from __future__ import annotations

from typing import Any

import pytest

from dicomwire import AE, evt
from dicomwire.memory import AE as MemoryAE, Network, ends
from dicomwire.testing import ScriptedPeer, ScriptFailed, faulty_ends
from dicomwire.testing.script import (
    ScriptStep,
    abort,
    aborted,
    accept,
    answer,
    associate,
    close,
    echo,
    ended,
    hear,
    part,
    reject,
    release,
    released,
    send,
    serve,
    stall,
)
from tests.support.adapters import keep

VERIFICATION = "1.2.840.10008.1.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"


def ready(ae: Any) -> Any:
    for uid in (VERIFICATION, FIND):
        ae.add_requested_context(uid)
        ae.add_supported_context(uid)
    return ae


def echoed(*steps: ScriptStep, **timeouts: float) -> tuple[Any, ScriptedPeer]:
    """What came of a C-ECHO with a peer that does this."""
    ae = ready(AE())
    for name, seconds in timeouts.items():
        setattr(ae, name, seconds)
    with ScriptedPeer(*steps) as peer, ae.associate(*peer.address) as association:
        if not association.is_established:
            return association.failure, peer
        status = association.send_c_echo()
        return (status.Status if status else association.failure), peer


def test_it_accepts_answers_and_releases() -> None:
    status, peer = echoed(accept(), hear(), answer(0x0122), released())
    assert status == 0x0122
    assert [message.command.command_field for message in peer.heard] == [0x0030]
    assert peer.play.request is not None and peer.play.request.called_ae_title.strip() == "ANY-SCP"


def test_it_serves_until_release() -> None:
    assert echoed(accept(), serve())[0] == 0x0000


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([reject(2, 3, 2)], "local limit exceeded"),
        ([accept(), hear(), abort()], "abort"),
        ([accept(), hear(), close()], "closed"),
        ([accept(), hear(), part(answer(), 20)], "closed"),
        ([part(accept(), 30)], "closed"),
        ([accept(), hear(), send(b"\x08\0\0\0\0\0"), aborted()], "PDU"),
    ],
)
def test_what_goes_wrong_is_told_by_the_association(steps: list[ScriptStep], words: str) -> None:
    assert words in echoed(*steps)[0]


def test_a_peer_that_stalls_is_given_up() -> None:
    failure, _ = echoed(accept(), hear(), stall(), dimse_timeout=0.05, acse_timeout=0.05)
    assert "timed out" in failure


def test_it_asks_as_scu() -> None:
    asked: list[Any] = []
    ae = ready(AE())
    on_echo = (evt.EVT_C_ECHO, lambda event: keep(asked, event.assoc.requestor.ae_title))
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[on_echo])
    try:
        with ScriptedPeer(associate(calling="MODALITY"), echo(), release(), to=server.server_address) as peer:
            pass
        assert [message.command.status for message in peer.heard] == [0x0000]
        assert asked == ["MODALITY"]
    finally:
        ae.shutdown()


def test_what_is_otherwise_than_the_script_says_is_told_with_its_step() -> None:
    with pytest.raises(ScriptFailed, match=r"step 3, hear\(\): P-DATA-TF was to come, and A-RELEASE-RQ came"):
        echoed(accept(), serve_one(), hear())
    network = Network()
    peer = ScriptedPeer(answer())
    with pytest.raises(ScriptFailed, match=r"step 1, answer.*hear\(\) comes first"):
        network.run(peer.over(ends(network)[0]))


def serve_one() -> ScriptStep:
    def perform(play: Any) -> Any:
        yield from hear().perform(play)
        yield from answer().perform(play)

    return ScriptStep("serve_one()", perform)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "ended behind 18 bytes of a PDU"),
        (b"\x09\0\0\0\0\x01x", "is no PDU: unrecognized PDU type 0x09"),
        (b"", "the end of the stream came"),
    ],
)
def test_what_is_no_request_is_told(data: bytes, words: str) -> None:
    peer = ScriptedPeer(accept())
    with pytest.raises(ScriptFailed, match=words), peer, ScriptedPeer(send(data), close(), to=peer.address):
        pass


def test_a_second_association_is_refused() -> None:
    ae = ready(AE())
    with ScriptedPeer(accept(), serve()) as peer, ae.associate(*peer.address) as association:
        assert association.is_established
        assert "refused" in (ae.associate(*peer.address).failure or "").lower()


def test_an_error_of_a_step_is_seen() -> None:
    def broken(play: Any) -> Any:
        yield b""
        raise LookupError("mine")

    peer = ScriptedPeer(ScriptStep("broken", broken))
    with pytest.raises(LookupError, match="mine"), peer, ScriptedPeer(close(), to=peer.address):
        pass


def test_the_error_of_the_test_is_the_one_that_is_seen() -> None:
    with pytest.raises(KeyError), ScriptedPeer(accept(), hear()):
        raise KeyError


def test_it_has_no_address_outside_of_with() -> None:
    with pytest.raises(RuntimeError, match="inside of `with`"):
        _ = ScriptedPeer(accept()).address


def test_in_memory_time_jumps() -> None:
    network = Network()
    ae = ready(MemoryAE("PEER", network))
    ae.dimse_timeout = 3600

    async def main() -> Any:
        one, other = faulty_ends(network)
        peer = ScriptedPeer(accept(), hear(), stall())
        network.spawn(peer.over(other))
        async with ae.associate_over(one) as association:
            await association.send_c_echo()
            return association.failure

    (failure,) = network.run(main())
    assert failure == "timed out waiting for a response"
    assert network.now >= 3600


def test_in_memory_as_scu() -> None:
    network = Network()
    ae = ready(MemoryAE("PEER", network))
    one, other = ends(network)
    steps = (associate(FIND, VERIFICATION), release(), ended())
    play, served = network.run(ScriptedPeer(*steps).over(one), ae.serve_over(other))
    assert play.answer is not None and served.is_released
