"""Associations through a program: ``ssh -W``, ``dicomwire tunnel`` on a machine in between, or any other that carries
bytes between its standard input and output and a peer.

The program gets one end of a pair of sockets for both.  So an association has the other end as it has any socket, in
every adapter: ``ae.associate(None, None, sock=tunnel.sock)``, with TLS if that is wanted.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Self

_GRACE = 2.0
"""Seconds in which a program has to notice that nobody talks to it any more."""


class Tunnel:
    """A program that runs, and the socket that leads to it; a context manager, which closes it.

    ``command`` are the program and its arguments: no shell sees them.

    Raises:
        OSError: the program cannot be started, or the system cannot give it a socket, as Windows.
        ValueError: there is no command.
    """

    def __init__(self, command: Sequence[str]) -> None:
        if not command:
            raise ValueError("there is no command")
        if os.name != "posix":
            raise OSError("the standard input and output of a program cannot be a socket on this system")
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self.process: subprocess.Popen[bytes] = subprocess.Popen(
                    list(command), stdin=theirs.fileno(), stdout=theirs.fileno()
                )
        except BaseException:
            ours.close()
            raise
        self.sock = ours
        """For ``associate(None, None, sock=...)``, which takes it over; closed with the association."""

    def close(self, seconds: float = _GRACE) -> None:
        """Close the socket, unless an association does, and wait so many seconds for the program; then end it."""
        self.sock.close()
        for end in (None, self.process.terminate, self.process.kill):
            if end is not None:
                end()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def command_for(template: str, host: str, port: int) -> list[str]:
    """The arguments of a command such as ``"ssh -W %h:%p gateway"``, as OpenSSH's ``ProxyCommand`` has it.

    ``%h`` is the host, ``%p`` the port and ``%%`` a percent sign; what else is quoted, is as in a shell, which is not
    there.

    Raises:
        ValueError: a quote is not closed, there is nothing, or ``%`` stands before something else.
    """
    words = shlex.split(template)
    if not words:
        raise ValueError("there is no command")
    return [_filled(word, {"h": host, "p": str(port), "%": "%"}) for word in words]


def _filled(word: str, values: dict[str, str]) -> str:
    first, *parts = word.split("%")
    filled = [first]
    while parts:
        part = parts.pop(0)
        if not part and parts:
            # Two of them: the one behind it begins plain text.
            filled += ["%", parts.pop(0)]
        elif part[:1] in ("h", "p"):
            filled.append(values[part[0]] + part[1:])
        else:
            raise ValueError(f"%{part[:1]} stands for nothing: %h is the host, %p the port, %% a percent sign")
    return "".join(filled)
