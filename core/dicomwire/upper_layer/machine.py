"""One state machine: where in PS3.8 table 9-10 a connection is."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from dicomwire.errors import LocalProtocolError
from dicomwire.upper_layer.indications import VERSION_REFUSAL
from dicomwire.upper_layer.inputs import RECEIVED, Sendable
from dicomwire.upper_layer.p_data_writer import Data
from dicomwire.upper_layer.pdus import PDU, Abort, AssociateRQ, PDataTF
from dicomwire.upper_layer.reasons import AbortReason, AbortSource
from dicomwire.upper_layer.state import ACTIONS, TABLE, Action, Input, Role, State, Tell
from dicomwire.upper_layer.tap import Tap, Transition
from dicomwire.upper_layer.timers import Timer, Timers

_BY_BYTES = frozenset((*RECEIVED.values(), Input.INVALID_PDU))

_OWN = {VERSION_REFUSAL.name: VERSION_REFUSAL}
"""What the provider sends by itself, beside A-ABORT."""

# The deadlines beside ARTIM are the user's (PS3.8 9.1.5) and not of the table: they go with the states.
_STARTS = {State.STA5: Timer.ASSOCIATE, State.STA6: Timer.IDLE, State.STA7: Timer.RELEASE}
_STOPS = {State.STA6: Timer.ASSOCIATE, State.STA12: Timer.RELEASE}
_OVER = (State.STA1, State.STA13)


class Entered(NamedTuple):
    """What is the same each time a state is entered."""

    receives: bool
    sends_freely: bool
    takes_freely: bool
    stops: Timer | None
    starts: Timer | None
    is_over: bool


@cache
def entered(state: State) -> Entered:
    """Looked up in the table once for all connections; ``entered.cache_clear()`` after changing the table."""
    cells = TABLE[state]
    # As long as these cells do nothing else, as DT-1 and DT-2 do, P-DATA needs no step of its own.
    sent, taken = cells.get(Input.P_DATA_REQUEST, ""), cells.get(Input.P_DATA_RECEIVED, "")
    return Entered(
        receives=not _BY_BYTES.isdisjoint(cells),
        sends_freely=ACTIONS.get(sent) == Action(state, send=PDataTF.name),
        takes_freely=ACTIONS.get(taken) == Action(state, tell=Tell.P_DATA),
        stops=_STOPS.get(state),
        starts=_STARTS.get(state),
        is_over=state in _OVER,
    )


class Machine:
    """A state, and the steps from it: the table and the rows decide, whose sending and telling is the caller's."""

    __slots__ = ("_has_aborted_again", "_role", "_timers", "receives", "sends_freely", "state", "takes_freely")

    def __init__(self, role: Role, timers: Timers) -> None:
        self._role = role
        self._timers = timers
        self._has_aborted_again = False
        self._enter(State.STA1)

    def _enter(self, state: State) -> Entered:
        self.state: State = state
        then = entered(state)
        self.receives: bool = then.receives
        """Bytes may come."""

        self.sends_freely: bool = then.sends_freely
        """P-DATA may be sent, and a step for it would change nothing."""

        self.takes_freely: bool = then.takes_freely
        """P-DATA may be received, and a step for it would change nothing."""

        return then

    def look(self, kind: Input) -> Action | None:
        """The action for ``kind`` in this state; None if the cell is empty."""
        cells = TABLE[self.state]
        return ACTIONS[cells[kind]] if kind in cells else None

    def find(self, kind: Input, item: object = None) -> tuple[str, Action]:
        """The name of the action for ``kind`` and what is to be done; ``item`` is the PDU that it is about.

        Raises:
            LocalProtocolError: the cell is empty.
        """
        state = self.state
        cells = TABLE[state]
        if kind not in cells:
            raise LocalProtocolError(f"{kind.label} ({kind.name}) cannot happen in {state.label}, {state.meaning}")
        name = cells[kind]
        action = ACTIONS[name]
        if action.otherwise is not None and isinstance(item, AssociateRQ) and not item.protocol_version & 1:
            action = action.otherwise
        assert (action.source is not None) is (action.send == Abort.name), "an A-ABORT has a source, and nothing else"
        return name, action

    def to_send(self, action: Action, item: object, reason: int) -> Sendable | PDU | None:
        """What ``action`` sends: ``item`` where the user asks for that, or a PDU of the provider's own."""
        name = action.send
        assert name is not None, "only of an action that sends something"
        if isinstance(item, PDU | Data) and item.name == name:
            return item
        if name != Abort.name:
            return _OWN[name]
        if self.state is State.STA13:
            # AA-7, at most once: a peer that keeps sending garbage is not worth a conversation.
            if self._has_aborted_again:
                return None
            self._has_aborted_again = True
        assert action.source is not None
        is_users = action.source == AbortSource.USER
        return Abort(source=action.source, reason_diagnostic=AbortReason.NO_REASON if is_users else reason)

    def follow(self, kind: Input, name: str, action: Action, tap: Tap | None) -> bool:
        """Take the step: ARTIM, state, and the deadlines that go with it.  True if the association is over by it."""
        then = action.then
        if then is None:
            then = State.STA9 if self._role is Role.REQUESTOR else State.STA10
        if tap is not None and tap.transitions:
            tap.add(Transition(self.state, kind, name, then))
        # As start() and stop() do it.
        running = self._timers.running
        if action.artim == "start":
            running[Timer.ARTIM] = None
        elif action.artim == "stop" and Timer.ARTIM in running:
            del running[Timer.ARTIM]
        if then is self.state:
            return False
        new = self._enter(then)
        if new.stops is not None and new.stops in running:
            del running[new.stops]
        if new.starts is not None:
            running[new.starts] = None
        if new.is_over:
            self._timers.stop_all_but(Timer.ARTIM)
        return new.is_over
