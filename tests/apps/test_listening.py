"""Where providers listen, and who can connect there."""

from __future__ import annotations

import logging
import socket

import pytest

from dicomwire.apps._common.providing import who_can_connect
from tests.apps.helpers import HOST, provider, python

EVERYBODY = "W: On all interfaces: whoever reaches this machine can connect; -ba (--bind-address) 127.0.0.1 is for this"


@pytest.mark.parametrize("name", ["echoscp", "storescp"])
@pytest.mark.parametrize("options", [[], ["-v"]])
def test_a_provider_says_at_once_that_everybody_can_connect(name: str, options: list[str]) -> None:
    with provider(name, "0", *options) as server:
        assert server.until("On all interfaces")
        assert server.stop() == 0
    assert server.lines[0] == f"I: Listening on 0.0.0.0 port {server.port}"
    assert server.lines[1].startswith(EVERYBODY)


def test_a_provider_on_the_loopback_interface_says_so_too() -> None:
    with provider("echoscp", "0", "--bind-address", HOST) as server:
        assert server.until("I: On the loopback interface: only this machine can connect")
        assert server.stop() == 0
    assert not any("all interfaces" in line for line in server.lines)


@pytest.mark.parametrize(
    ("host", "level", "words"),
    [
        ("0.0.0.0", logging.WARNING, "127.0.0.1 is for this machine alone"),
        ("::", logging.WARNING, "::1 is for this machine alone"),
        ("127.0.0.1", logging.INFO, "only this machine"),
        ("::1", logging.INFO, "only this machine"),
    ],
)
def test_who_can_connect_is_told_by_the_address(host: str, level: int, words: str) -> None:
    told = who_can_connect(host, "-ba")
    assert told is not None and told[0] == level and words in told[1]


@pytest.mark.parametrize("host", ["192.0.2.1", "fe80::1%eth0", "/run/dicom"])
def test_an_address_of_its_own_speaks_for_itself(host: str) -> None:
    assert who_can_connect(host, "-ba") is None


def test_proxies_that_are_named_say_for_whom_they_connect() -> None:
    proxies = ["--proxy-protocol", "192.0.2.0/24", "--proxy-protocol", HOST]
    with provider("echoscp", "0", "-v", "-ba", HOST, *proxies) as server:
        with socket.create_connection((HOST, int(server.port))) as sock:
            sock.sendall(b"PROXY TCP4 198.51.100.7 192.0.2.1 50000 104\r\n" + b"GET / HTTP/1.1\r\n\r\n")
            assert server.until("198.51.100.7")
        assert server.stop() == 0


def test_what_is_no_network_of_proxies_is_refused() -> None:
    outcome = python("-m", "dicomwire", "echoscp", "0", "--proxy-protocol", "192.0.2.1/24")
    assert outcome.returncode == 2
    assert "has host bits set" in outcome.stderr
