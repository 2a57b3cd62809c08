"""What associations do, told to whoever measures it: the hooks of metrics and of tracing.

>>> ae.observers.append(MyObserver())  # doctest: +SKIP
"""

from dicomwire.observing.observations import ObservedAssociation, ObservedOperation, Observer, Outcome, Trouble
from dicomwire.observing.observed_session import ObservedConnection, ObservedSession
from dicomwire.observing.watching import Watch

__all__ = [
    "ObservedAssociation",
    "ObservedConnection",
    "ObservedOperation",
    "ObservedSession",
    "Observer",
    "Outcome",
    "Trouble",
    "Watch",
]
