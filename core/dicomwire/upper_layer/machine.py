"""One state machine: where in PS3.8 table 9-10 a connection is."""

from __future__ import annotations

from dicomwire.errors import LocalProtocolError
from dicomwire.upper_layer.pdus import Abort, AssociateRQ, PDataTF
from dicomwire.upper_layer.state import ACTIONS, TABLE, Action, Input, Role, State, Tell
from dicomwire.upper_layer.timers import Timer, Timers

_BY_BYTES = frozenset((
    Input.ASSOCIATE_AC_RECEIVED, Input.ASSOCIATE_RJ_RECEIVED, Input.ASSOCIATE_RQ_RECEIVED, Input.P_DATA_RECEIVED,
    Input.RELEASE_RQ_RECEIVED, Input.RELEASE_RP_RECEIVED, Input.ABORT_RECEIVED, Input.INVALID_PDU,
))  # fmt: skip

# The deadlines beside ARTIM are the user's (PS3.8 9.1.5) and not of the table: they go with the states.
_STARTS = {State.STA5: Timer.ASSOCIATE, State.STA6: Timer.IDLE, State.STA7: Timer.RELEASE}
_STOPS = {State.STA6: Timer.ASSOCIATE, State.STA12: Timer.RELEASE}
_OVER = (State.STA1, State.STA13)


class Machine:
    """A state, and the steps from it: the table and the rows decide, whose sending and telling is the caller's."""

    __slots__ = ("_timers", "receives", "sends_freely", "state", "takes_freely")

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._enter(State.STA1)

    def _enter(self, state: State) -> None:
        self.state: State = state
        cells = TABLE[state]
        self.receives: bool = not _BY_BYTES.isdisjoint(cells)
        """Bytes may come."""

        # As long as these cells do nothing else, as DT-1 and DT-2 do, P-DATA needs no step of its own.
        sent, taken = cells.get(Input.P_DATA_REQUEST, ""), cells.get(Input.P_DATA_RECEIVED, "")
        self.sends_freely: bool = ACTIONS.get(sent) == Action(state, send=PDataTF.name)
        """P-DATA may be sent, and a step for it would change nothing."""

        self.takes_freely: bool = ACTIONS.get(taken) == Action(state, tell=Tell.P_DATA)
        """P-DATA may be received, and a step for it would change nothing."""

    def look(self, kind: Input) -> Action | None:
        """The action for ``kind`` in this state; None if the cell is empty."""
        name = TABLE[self.state].get(kind)
        return None if name is None else ACTIONS[name]

    def find(self, kind: Input, item: object = None) -> tuple[str, Action]:
        """The name of the action for ``kind`` and what is to be done; ``item`` is the PDU that it is about.

        Raises:
            LocalProtocolError: the cell is empty.
        """
        state = self.state
        name = TABLE[state].get(kind)
        if name is None:
            raise LocalProtocolError(f"{kind.label} ({kind.name}) cannot happen in {state.label}, {state.meaning}")
        action = ACTIONS[name]
        if action.otherwise is not None and isinstance(item, AssociateRQ) and not item.protocol_version & 1:
            action = action.otherwise
        assert (action.source is not None) is (action.send == Abort.name), "an A-ABORT has a source, and nothing else"
        return name, action

    def next_state(self, action: Action, role: Role) -> State:
        """The state behind ``action``."""
        return action.then or (State.STA9 if role is Role.REQUESTOR else State.STA10)

    def follow(self, action: Action, then: State) -> bool:
        """Take the step: ARTIM, state, and the deadlines that go with it.  True if the association is over by it."""
        timers = self._timers
        if action.artim == "start":
            timers.start(Timer.ARTIM)
        elif action.artim == "stop":
            timers.stop(Timer.ARTIM)
        if then is self.state:
            return False
        self._enter(then)
        if then in _STOPS:
            timers.stop(_STOPS[then])
        if then in _STARTS:
            timers.start(_STARTS[then])
        if then not in _OVER:
            return False
        for timer in Timer:
            if timer is not Timer.ARTIM:
                timers.stop(timer)
        return True
