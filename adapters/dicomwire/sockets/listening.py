"""Sockets that servers listen on."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat

from attrs import define

from dicomwire._values import Shown
from dicomwire.sockets.addresses import AF_UNIX, SPECIAL, Address, AddressInformation, end_of, is_name
from dicomwire.sockets.given_sockets import check_bound, is_listening
from dicomwire.sockets.socket_options import reuse_address

BACKLOG = 1024
"""Connections that may wait to be accepted; the system may allow fewer.  All devices of a hospital at once."""

_INSTEAD = "give several servers one listening socket (sock=) instead"


@define(repr=False)
class SocketFile(Shown):
    """The file of a Unix domain socket that we have made."""

    path: str
    device: int
    inode: int
    process: int

    @classmethod
    def of(cls, path: str) -> SocketFile:
        """The file that is at ``path`` now."""
        found = os.lstat(path)
        return cls(os.path.abspath(path), found.st_dev, found.st_ino, os.getpid())

    def remove(self) -> None:
        """Remove it if it is still ours: not somebody else's of the same name, nor our parent's after a fork."""
        with contextlib.suppress(OSError):
            found = os.lstat(self.path)
            if (found.st_dev, found.st_ino, os.getpid()) == (self.device, self.inode, self.process):
                os.unlink(self.path)


@define(repr=False)
class Listening(Shown):
    """A listening socket, not blocking, and where it is reached."""

    sock: socket.socket
    file: SocketFile | None = None
    given: socket.socket | None = None
    """The socket from outside that ``sock`` is a duplicate of."""

    @property
    def server_address(self) -> tuple[object, ...]:
        return end_of(self.sock.getsockname())

    def remove_file(self) -> None:
        """Nobody shall connect any more: remove the file, if there is one; before the socket is closed."""
        if self.file is not None:
            self.file.remove()
            self.file = None

    def end(self) -> None:
        """The server stops: let go of all but ``sock``, which whoever waits for it closes next."""
        self.remove_file()
        if self.given is not None:
            self.given.close()


def has_name(address: object) -> bool:
    """Whether an address to listen on has a host name, which may take long to resolve."""
    return isinstance(address, tuple | list) and bool(address) and is_name(address[0]) and address[0] not in SPECIAL


def listening(
    address: Address | AddressInformation, *, reuse: bool = True, reuse_port: bool = False, backlog: int = BACKLOG
) -> Listening:
    """A socket that listens on ``address``; ``"::"`` takes IPv4 as well where the system can.

    The file of a Unix domain socket nobody listens on any more is replaced.  ``reuse_port``: see :func:`share_port`.

    Raises:
        TypeError, ValueError: ``address`` is malformed, or its port cannot be shared.
        OSError: it cannot be resolved, or bound.
    """
    information = address if isinstance(address, AddressInformation) else AddressInformation.from_address(address)
    sock = socket.socket(information.address_family, socket.SOCK_STREAM)
    try:
        file = bind(sock, information, reuse=reuse, reuse_port=reuse_port)
        # At once: a path that is bound and refuses connections looks as if its server had died.
        sock.listen(backlog)
        sock.setblocking(False)
        return Listening(sock, file)
    except BaseException:
        sock.close()
        raise


def bind(
    sock: socket.socket, information: AddressInformation, *, reuse: bool = True, reuse_port: bool = False
) -> SocketFile | None:
    """Bind ``sock`` to where :func:`listening` would; the file that was made, if one was.

    Raises:
        OSError: it cannot be bound.
        ValueError: its port cannot be shared.
    """
    if information.is_unix:
        if reuse_port:
            raise ValueError(f"reuse_port is for Internet addresses, and {information.address!r} is a path: {_INSTEAD}")
        _bind_path(sock, information.address)
        return None if information.address.startswith("\0") else SocketFile.of(information.address)
    if reuse:
        reuse_address(sock)
    if reuse_port:
        share_port(sock)
    if information.is_ipv6 and information.address == "::" and socket.has_dualstack_ipv6():
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(information.as_tuple)
    return None


def share_port(sock: socket.socket) -> None:
    """Let other sockets listen on the same port, if they ask for it as well.

    Raises:
        ValueError: the system has no SO_REUSEPORT.
    """
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except (AttributeError, OSError) as error:
        # The name is there where the library knows it, the option where the kernel does.
        raise ValueError(f"reuse_port: this system has no SO_REUSEPORT: {_INSTEAD}") from error


def listening_on(sock: object, *, reuse_port: bool = False, backlog: int = BACKLOG) -> Listening:
    """A socket from outside, which listens from now on if it did not; it is ours to close, its file is not.

    A duplicate is used, so that servers which are given the same socket do not close it under each other.

    Raises:
        TypeError, ValueError: it is no stream socket, or neither listens nor is bound, or its port is to be shared,
            which has to be said before it is bound.
        OSError: it cannot listen.
    """
    if reuse_port:
        raise ValueError("reuse_port is for an address: a sock needs SO_REUSEPORT set before it is bound")
    given = check_bound(sock)
    if not is_listening(given):
        given.listen(backlog)
    duplicate = given.dup()
    duplicate.setblocking(False)
    return Listening(duplicate, None, given)


def _bind_path(sock: socket.socket, path: str) -> None:
    try:
        sock.bind(path)
        return
    except OSError as error:
        if error.errno != errno.EADDRINUSE or path.startswith("\0"):
            raise type(error)(error.errno, f"{error.strerror or error}: {path!r}") from error
    _remove_stale(path)
    sock.bind(path)


def _remove_stale(path: str) -> None:
    """Remove the socket that a server has left behind that is gone.

    Raises:
        OSError: somebody listens there, or it is a file of another kind.
    """
    found = os.lstat(path)
    if not stat.S_ISSOCK(found.st_mode):
        raise FileExistsError(errno.EEXIST, f"cannot listen on {path!r}: there is a file that is no socket")
    with socket.socket(AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        code = probe.connect_ex(path)
    if code != errno.ECONNREFUSED:
        live = code in (0, errno.EAGAIN, errno.EWOULDBLOCK)
        why = "another server listens there" if live else os.strerror(code)
        raise OSError(errno.EADDRINUSE, f"cannot listen on {path!r}: {why}")
    now = os.lstat(path)
    if (now.st_dev, now.st_ino) == (found.st_dev, found.st_ino):
        os.unlink(path)
