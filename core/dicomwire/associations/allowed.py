"""Whom an AE lets in at all: networks, AE titles, and what a hook says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from attrs import field, frozen

from dicomwire._values import Value
from dicomwire.associations.networks import Network, is_in, networks
from dicomwire.vocabulary.titles_and_uids import set_ae

Hook: TypeAlias = Callable[[tuple[Any, ...], Any], Any]


def _titles(given: Iterable[str]) -> tuple[str, ...]:
    if isinstance(given, str | bytes):
        raise TypeError("'calling_ae_titles' must be several AE titles, not one")
    titles = (set_ae(title, "calling_ae_titles", allow_empty=False, allow_none=False) for title in given)
    return tuple(title.strip() for title in titles if title is not None)


@frozen(kw_only=True, repr=False, eq=False)
class Allowed(Value):
    """Who may open an association with an AE: give one to ``ae.allowed``.  What is empty lets all in.

    Each is judged as soon as it is known: the network before a byte is read, then, when TLS is agreed upon and before
    anything of DICOM is read, the hook, and the AE title when the request is there.

    Raises:
        ValueError: no network, or no AE title.
        TypeError: one of them in place of several; a hook that cannot be called.
    """

    networks: tuple[Network, ...] = field(default=(), converter=networks)
    """Such as ``"10.1.0.0/16"``, ``"192.0.2.7"`` or ``"2001:db8::/32"``; other connections are closed.  A Unix domain
    socket has none, and the rights of its file instead."""

    calling_ae_titles: tuple[str, ...] = field(default=(), converter=_titles)
    """Others are rejected: calling AE title not recognized (PS3.8 9.3.4).  Anybody can claim any title."""

    hook: Hook | None = None
    """Called with the address, a tuple, and the certificate of the peer as ``getpeercert()`` gives it: None without
    TLS, ``{}`` if it was not asked for one.  Unless what comes back is true, the connection is closed; also if it
    raises.  With asyncio and trio it may be async."""

    def __attrs_post_init__(self) -> None:
        if self.hook is not None and not callable(self.hook):
            raise TypeError(f"'hook' must be callable, not {type(self.hook).__name__}")

    def admits_address(self, address: tuple[Any, ...]) -> bool:
        """Whether a peer at this place is in one of the networks."""
        return not self.networks or is_in(address, self.networks, without=True)

    def admits_title(self, calling_ae_title: str) -> bool:
        """Whether who calls itself so is one of those named."""
        return not self.calling_ae_titles or calling_ae_title.strip() in self.calling_ae_titles
