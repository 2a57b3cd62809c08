"""Whom an AE lets in: networks, AE titles and a hook, each judged as soon as it is known."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from dicomwire import AE, Allowed, evt
from tests.support.adapters import VERIFICATION, Peer, Recorder, World, done, keep
from tests.support.certificates import self_signed
from tests.support.sessions import IMPLICIT, proposal, request

REQUEST = request([proposal(1, VERIFICATION, IMPLICIT)]).encode()


async def serve(world: World, allowed: Allowed, handlers: Any = (), **options: Any) -> Any:
    ae = world.ae("SERVER")
    ae.allowed = allowed
    return await world.serve(handlers, ae=ae, **options)


async def is_closed(peer: Peer) -> bool:
    """At once, and without a word."""
    return await peer.read(1) == b""


async def test_who_is_in_no_allowed_network_is_closed_before_anybody_is_told(socket_world: World) -> None:
    told = Recorder()
    server = await serve(socket_world, Allowed(networks=["192.0.2.0/24", "::1"]), told.bindings())
    assert await is_closed(await socket_world.connect(server))
    # It may be changed at any time.
    server.ae.allowed = Allowed(networks=["127.0.0.0/8"])
    assert not told.events
    association = await socket_world.associate(server)
    assert association.is_established
    await done(association.release())
    server.ae.allowed = None
    association = await socket_world.associate(server)
    assert association.is_established
    await done(association.release())
    assert not len(server.ae.half_open)


async def test_other_titles_are_rejected(world: World) -> None:
    server = await serve(world, Allowed(calling_ae_titles=["CLIENT", "OTHER "]))
    association = await world.associate(server, ae=world.ae("STRANGER"))
    assert association.is_rejected
    assert association.failure == "rejected: calling AE title not recognised"
    for title in ("CLIENT", "OTHER"):
        association = await world.associate(server, ae=world.ae(title))
        assert association.is_established
        await done(association.release())


async def test_the_acceptor_knows_why_it_has_rejected(world: World) -> None:
    told = Recorder()
    server = await serve(world, Allowed(calling_ae_titles=["CLIENT"]), told.bindings(evt.EVT_REJECTED))
    assert (await world.associate(server, ae=world.ae("STRANGER"))).is_rejected
    await world.until(lambda: told.events)
    assert told.events[0].assoc.failure == "rejected: calling AE title not recognised"


@pytest.mark.parametrize("verdict", [True, False, None, 1])
async def test_a_hook_is_asked_before_anything_is_read(world: World, verdict: Any) -> None:
    asked: list[Any] = []
    told = Recorder()
    hook = lambda address, certificate: keep(asked, (address, certificate), verdict)  # noqa: E731
    server = await serve(world, Allowed(hook=hook), told.bindings(evt.EVT_CONN_OPEN))
    peer = await world.connect(server)
    # It has sent nothing.
    await world.until(lambda: asked)
    ((address, certificate),) = asked
    assert address[0] in ("127.0.0.1", "memory")
    assert certificate is None
    if verdict:
        await peer.send(REQUEST)
        assert (await peer.pdu())[:1] == b"\x02"
    else:
        assert await is_closed(peer)
    assert bool(told.events) is bool(verdict)
    await peer.close()
    await world.until(lambda: not server.active_associations and not len(server.ae.half_open))


async def test_a_hook_that_raises_lets_nobody_in(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def hook(address: Any, certificate: Any) -> bool:
        raise LookupError("no directory")

    server = await serve(world, Allowed(hook=hook))
    assert await is_closed(await world.connect(server))
    assert "the hook of 'allowed' raised" in caplog.text


async def test_a_hook_may_be_async(async_world: World) -> None:
    async def hook(address: Any, certificate: Any) -> bool:
        return False

    server = await serve(async_world, Allowed(hook=hook))
    assert await is_closed(await async_world.connect(server))


async def test_a_hook_is_shown_the_certificate(socket_world: World, tmp_path: Path) -> None:
    path = self_signed(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=path)
    context.load_cert_chain(path)
    context.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context(cafile=path)
    client.load_cert_chain(path)
    asked: list[Any] = []
    server = await serve(
        socket_world,
        Allowed(hook=lambda address, certificate: keep(asked, certificate, certificate)),
        ssl_context=context,
    )
    association = await socket_world.associate(server, tls_args=(client, "localhost"))
    assert association.is_established
    assert dict(item for part in asked[0]["subject"] for item in part) == {"commonName": "localhost"}
    await done(association.release())


@pytest.mark.parametrize(
    ("networks", "host", "expected"),
    [
        ([], "192.0.2.1", True),
        (["192.0.2.1"], "192.0.2.1", True),
        (["192.0.2.1"], "192.0.2.2", False),
        (["10.0.0.0/8", "192.0.2.0/24"], "192.0.2.99", True),
        (["192.0.2.0/24"], "::ffff:192.0.2.99", True),
        (["192.0.2.0/24"], "2001:db8::1", False),
        (["2001:db8::/32"], "2001:db8::1", True),
        (["fe80::/10"], "fe80::1%eth0", True),
        (["192.0.2.0/24"], "/run/archive", True),
    ],
)
def test_networks(networks: list[str], host: str, expected: bool) -> None:
    assert Allowed(networks=networks).admits_address((host, 104)) is expected


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        ({"networks": "192.0.2.0/24"}, TypeError),
        ({"networks": ["192.0.2.1/24"]}, ValueError),
        ({"networks": ["archive"]}, ValueError),
        ({"calling_ae_titles": "ARCHIVE"}, TypeError),
        ({"calling_ae_titles": ["MUCH TOO LONG TO BE ONE"]}, ValueError),
        ({"hook": True}, TypeError),
    ],
)
def test_what_says_nothing_is_refused(argument: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Allowed(**argument)


def test_nothing_else_can_be_allowed() -> None:
    with pytest.raises(TypeError, match="must be an Allowed or None, not list"):
        AE().allowed = ["192.0.2.0/24"]  # type: ignore[assignment]
