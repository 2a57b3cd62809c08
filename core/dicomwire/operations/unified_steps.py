"""The presentation contexts of unified procedure steps (PS3.4 annex CC).

Five SOP classes share the instances of one: commands of N-services name UPS Push, and go on a context of a class that
has the service (PS3.4 CC.2).
"""

from __future__ import annotations

from dicomwire.dimse.messages import C_FIND_RQ, N_ACTION_RQ, N_CREATE_RQ, N_EVENT_REPORT_RQ, N_GET_RQ, N_SET_RQ

PUSH = "1.2.840.10008.5.1.4.34.6.1"
WATCH = "1.2.840.10008.5.1.4.34.6.2"
PULL = "1.2.840.10008.5.1.4.34.6.3"
EVENT = "1.2.840.10008.5.1.4.34.6.4"
QUERY = "1.2.840.10008.5.1.4.34.6.5"

_CHANGE_STATE = 1
_REQUEST_CANCEL = 2

# Those that have the service come first, the likeliest before the others.
_CLASSES = {
    C_FIND_RQ: (PULL, WATCH, QUERY),
    N_CREATE_RQ: (PUSH,),
    N_EVENT_REPORT_RQ: (EVENT, WATCH),
    N_GET_RQ: (PUSH, PULL, WATCH, QUERY),
    N_SET_RQ: (PULL,),
}
_ACTIONS = {_CHANGE_STATE: (PULL,), _REQUEST_CANCEL: (PUSH, WATCH)}
_SUBSCRIPTIONS = (WATCH,)

_ALL = (PUSH, WATCH, PULL, EVENT, QUERY)

_ONLY = (N_CREATE_RQ,)
"""Services that go on contexts of no other class."""


def context_classes(abstract_syntax: str, command_field: int, action_type: int | None = None) -> tuple[str, ...]:
    """The SOP classes whose contexts can take a request on ``abstract_syntax``, the best first.

    Itself, but for UPS Push those that have the service, and at last any of the five: peers are seen that accept one
    and serve all.
    """
    if abstract_syntax != PUSH:
        return (abstract_syntax,)
    if command_field == N_ACTION_RQ:
        best = _ACTIONS.get(action_type or 0, _SUBSCRIPTIONS)
    else:
        best = _CLASSES.get(command_field, (PUSH,))
    if command_field in _ONLY:
        return best
    return (*best, *(uid for uid in _ALL if uid not in best))
