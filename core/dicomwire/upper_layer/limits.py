"""What a peer may make us hold or do, and how long it may take."""

from __future__ import annotations

from typing import NamedTuple

from attrs import asdict, define, frozen

from dicomwire._values import Shown, Value


class Bounds(NamedTuple):
    """What a data set that is no instance may be."""

    longest: int
    """Bytes, also when it is inflated."""

    elements: int
    """Elements, items and values that somebody may look into."""


@frozen(kw_only=True, repr=False, eq=False)
class Limits(Value):
    """Caps on what is accepted from a peer; sizes in bytes.

    The defaults are far above what conformant peers send.
    """

    associate_pdu: int = 1 << 18
    """Longest A-ASSOCIATE-RQ or -AC body.  128 presentation contexts of 30 transfer syntaxes each are 110 KB."""

    control_pdu: int = 1024
    """Longest A-ASSOCIATE-RJ, A-RELEASE and A-ABORT body; the standard says 4."""

    p_data_pdu: int | None = None
    """Longest P-DATA-TF body.  None: twice what we announced, at least 1 MiB; if we announced no limit,
    whatever the length field can say, because fragments are handed on as they arrive."""

    strict_maximum_length: bool = False
    """A P-DATA-TF longer than what we announced is refused, if only by a byte (PS3.8 D.1).  By default it is taken up
    to ``p_data_pdu``: some peers count the header wrong, and a fragment is handed on as it comes, however long."""

    contexts: int = 128
    transfer_syntaxes: int = 256
    """Per presentation context."""

    items: int = 1024
    """Sub-items of the user information of one request or answer, and items of it that nobody knows."""

    empty_fragments: int = 64
    """Consecutive P-DATA fragments without data."""

    peer_maximum_length: int = 8
    """Smallest maximum length a peer may announce (0, no limit, is always allowed)."""

    command_set: int = 1 << 16
    data_set: int = 1 << 34
    """Longest data set kept for a handler, in memory or not; streams to a sink are not counted."""

    data_set_in_memory: int = 24 << 20
    """Longest of them kept in memory; a longer one goes to a temporary file without a name, as it comes."""

    identifier: int = 1 << 21
    """Longest identifier, of C-FIND, C-GET and C-MOVE; if it is deflated, also of what is in it."""

    attribute_list: int = 1 << 28
    """Longest data set of an N-SET, N-CREATE, N-ACTION, N-EVENT-REPORT or N-GET; as ``identifier``.  Image boxes hold
    whole images (PS3.3 C.13.5).  What is longer than ``data_set_in_memory`` goes to a temporary file, as it comes."""

    identifier_elements: int = 40_000
    """Elements, items and values in an identifier; beyond, nobody may look into it.  They cost time where bytes cost
    memory: 40,000 take half a second."""

    attribute_list_elements: int = 120_000
    """The same in an attribute list: 40,000 instances of a performed procedure step or a storage commitment."""

    inflated: int = 1 << 30
    """Longest data set that a deflated one may become when somebody looks into it."""

    inflation: int = 200
    """How many times as long as it came a deflated data set may become, if it becomes longer than
    ``inflated_freely``: deflate alone could make it a thousand times."""

    inflated_freely: int = 1 << 26
    """A deflated data set that becomes no longer than this may be as small as it likes."""

    nesting: int = 64
    """How deep sequences may be in sequences, in a data set that somebody looks into."""

    waiting: int = 1 << 25
    """Bytes of the data sets of all requests together that wait for their turn, because the peer has sent more than it
    agreed upon."""

    unread: int = 1 << 24
    """Bytes fed with ``receive_data`` while earlier ones are still unread."""

    after_end: int = 1 << 20
    """Bytes that a peer may still send when the association is over, after our A-ABORT for example: they are read and
    dropped, so that it hears of that; who sends more is cut off."""

    least_rate: int = 4096
    """Bytes a second at which a message must move on, over the seconds of ``Timeouts.progress`` if the peer sends it,
    and of ``Timeouts.write`` if we do; however long these are, 64 KiB in their time are enough."""

    @property
    def of_identifiers(self) -> Bounds:
        """What an identifier may be."""
        return Bounds(self.identifier, self.identifier_elements)

    @property
    def of_attribute_lists(self) -> Bounds:
        """What an attribute list may be."""
        return Bounds(self.attribute_list, self.attribute_list_elements)


@define(kw_only=True, repr=False)
class Timeouts(Shown):
    """Seconds for each phase of an association, or None for no limit, in the order of the phases.

    Each ends by a deadline of its own that bytes of the peer do not put off, but for ``idle``.  They may be changed at
    any time, also for a phase that has begun; adapters wake who waits when they are assigned as a whole.
    """

    connect: float | None = None
    """For the transport connection to open, TLS included: all addresses of the peer together.  None: the system's
    limit.  For adapters."""

    handshake: float | None = 30.0
    """For the TLS handshake, on either side; as requestor ``connect`` may end it sooner.  For adapters."""

    artim: float | None = 30.0
    """For a request to arrive, and for the peer to close at the end (PS3.8 9.1.5)."""

    associate: float | None = 30.0
    """For the answer to our A-ASSOCIATE-RQ."""

    progress: float | None = 30.0
    """For a started PDU or message to end, or to come as far as ``Limits.least_rate`` wants, 64 KiB at the most."""

    response: float | None = None
    """For each response to a request of ours."""

    idle: float | None = None
    """Without a byte in either direction while established."""

    write: float | None = 60.0
    """For the peer to take what we send, or as much of it as ``Limits.least_rate`` wants, 64 KiB at the most; adapters
    ask ``Connection.writing`` while they wait for it, because only they see writes stall."""

    release: float | None = 30.0
    """For the answer to our A-RELEASE-RQ."""

    close: float | None = 2.0
    """For the peer to close after an A-ABORT or A-ASSOCIATE-RJ of ours, if that is less than ``artim``: a peer worth
    waiting for longer would not have to be aborted.  For associations; a ``Connection`` alone waits for ``artim``."""

    def copied(self) -> Timeouts:
        """The same values, for somebody else to change."""
        # One by one: there are as many copies as associations, and what copies anything takes ten times as long.
        return Timeouts(
            connect=self.connect,
            handshake=self.handshake,
            artim=self.artim,
            associate=self.associate,
            progress=self.progress,
            response=self.response,
            idle=self.idle,
            write=self.write,
            release=self.release,
            close=self.close,
        )

    def set(self, fields: tuple[str, ...], seconds: float | None) -> None:
        """Give each of these the same value."""
        for name in fields:
            setattr(self, name, seconds)

    def adopt(self, other: Timeouts) -> None:
        """Take the values of ``other``, all of them or none.

        Raises:
            TypeError: it is none of these, or holds what is no number.
            ValueError: a value is below 0, or ``connect`` is 0.
        """
        if not isinstance(other, Timeouts):
            raise TypeError(f"timeouts are Timeouts, not {type(other).__name__}")
        values = {name: _checked(name, seconds) for name, seconds in asdict(other).items()}
        for name, seconds in values.items():
            setattr(self, name, seconds)


ACSE = ("artim", "associate", "release", "handshake")
"""What the documented ``acse_timeout`` is for."""

NETWORK = ("idle", "progress")
"""What the documented ``network_timeout`` is for."""


def _checked(name: str, seconds: object) -> float | None:
    if seconds is None:
        return None
    if not isinstance(seconds, int | float):
        raise TypeError(f"the timeout {name!r} is seconds or None, not {type(seconds).__name__}")
    if not seconds >= 0 or (name == "connect" and seconds == 0):
        raise ValueError(f"the timeout {name!r} cannot be {seconds!r}")
    # The clocks of operating systems do not know infinity.
    return None if seconds == float("inf") else seconds
