"""A peer that does what its script says, over a socket of the loopback interface or in memory."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

from dicomwire.memory.end import End
from dicomwire.testing.script import ScriptStep, wishes
from dicomwire.testing.script_play import Doing, HeardMessage, Play, ScriptFailed, Stall, Wanted, Wish

LOOPBACK = "127.0.0.1"
_PIECE = 65536


class ScriptedPeer:
    """A peer for one association, which does one step after the other and then closes.

    As SCP it is reached at ``address`` inside ``with``; with ``to`` it connects there, as SCU.  It runs in a thread of
    its own, so what is tested may be of any adapter.  In memory it has no thread: ``network.spawn(peer.over(end))``.

    Leaving ``with`` waits for the script to end, and raises what has gone otherwise than it says:

    Raises:
        ScriptFailed: the other side has done something else; it says at which step, and what came.
    """

    def __init__(self, *steps: ScriptStep, to: tuple[str, int] | None = None, patience: float = 30.0) -> None:
        self.steps = steps
        self.play: Play = Play()
        """What has happened so far: ``play.heard`` are the messages, ``play.request`` is the A-ASSOCIATE-RQ."""

        self.patience = patience
        """Seconds in which the other side has to do what is waited for."""

        self.failed: Exception | None = None
        self._to = to
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._listener: socket.socket | None = None
        self._sock: socket.socket | None = None
        self._address: tuple[str, int] | None = None

    @property
    def heard(self) -> list[HeardMessage]:
        """The messages that came."""
        return self.play.heard

    @property
    def address(self) -> tuple[str, int]:
        """Where it is reached: a host and a port, for ``associate(*peer.address)``."""
        if self._address is None:
            raise RuntimeError("a scripted peer listens inside of `with`, and if it is not one that connects")
        return self._address

    # -- over a socket --------------------------------------------------------------------------------------------
    def __enter__(self) -> Self:
        if self._to is None:
            self._listener = listener = socket.socket()
            listener.bind((LOOPBACK, 0))
            listener.listen()
            host, port = listener.getsockname()
            self._address = host, port
            listener.settimeout(self.patience)
        self._thread = threading.Thread(target=self._run, name="scripted-peer", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._thread is not None
        self._over.set()
        if error is not None:
            # Nobody will do what it waits for.
            self._hang_up()
        self._thread.join(2 * self.patience)
        if self._thread.is_alive():
            self.failed = ScriptFailed(f"the script has not ended in {2 * self.patience:g} s")
        if error is None and self.failed is not None:
            raise self.failed

    def _hang_up(self) -> None:
        for sock in (self._sock, self._listener):
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        try:
            with self._connected() as self._sock:
                self._sock.settimeout(self.patience)
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._play(self._sock, wishes(self.steps, self.play))
        except ScriptFailed as failed:
            self.failed = failed
        except TimeoutError:
            self.failed = ScriptFailed(f"nobody has connected in {self.patience:g} s")
        except OSError as error:
            self.failed = ScriptFailed(f"no connection: {error}")
        except Exception as error:
            # Of a step: it is for the test to see.
            self.failed = error

    def _connected(self) -> socket.socket:
        if self._to is not None:
            return socket.create_connection(self._to, self.patience)
        assert self._listener is not None
        # It has one association: who asks for another one is refused.
        with self._listener as listener:
            return listener.accept()[0]

    def _play(self, sock: socket.socket, doing: Doing) -> None:
        wish = next(doing, None)
        while wish is not None:
            back = b""
            if isinstance(wish, bytes):
                # Who has gone reads no more: the next step notices it, if it wants to hear something.
                with contextlib.suppress(ConnectionError):
                    sock.sendall(wish)
            elif isinstance(wish, Wanted):
                back = self._receive(sock, wish.count)
            elif isinstance(wish, Stall):
                self._over.wait(wish.seconds)
            else:
                return
            wish = _next(doing, back)

    def _receive(self, sock: socket.socket, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            try:
                piece = sock.recv(min(count - len(data), _PIECE))
            except TimeoutError:
                raise ScriptFailed(f"nothing came for {self.patience:g} s") from None
            except OSError:
                break
            if not piece:
                break
            data += piece
        return bytes(data)

    # -- in memory ------------------------------------------------------------------------------------------------
    async def over(self, end: End) -> Play:
        """Do it over one end of a connection in memory, which is closed then; what has happened.

        Raises:
            ScriptFailed: see there.
        """
        doing, arrived, has_ended = wishes(self.steps, self.play), bytearray(), False
        try:
            wish = next(doing, None)
            while wish is not None:
                back = b""
                if isinstance(wish, bytes):
                    with contextlib.suppress(ConnectionError):
                        end.send(wish)
                elif isinstance(wish, Wanted):
                    while len(arrived) < wish.count and not has_ended:
                        await end.arrival()
                        piece = end.receive() or b""
                        arrived += piece
                        has_ended = not piece
                    back = bytes(arrived[: wish.count])
                    del arrived[: wish.count]
                elif isinstance(wish, Stall):
                    network = end.network
                    await network.until(lambda: False, None if wish.seconds is None else network.now + wish.seconds)
                else:
                    break
                wish = _next(doing, back)
        finally:
            end.close()
        return self.play


def _next(doing: Doing, back: bytes) -> Wish | None:
    try:
        return doing.send(back)
    except StopIteration:
        return None
