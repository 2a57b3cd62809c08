"""Traces of associations: record them, read them, replay them.

>>> ae.trace = TraceFile("night.dwtrace")  # doctest: +SKIP
"""

from dicomwire.tracing.deviations import Deviation, deviations
from dicomwire.tracing.recorded_connection import RecordedConnection
from dicomwire.tracing.replaying import ReplayDiffers, Replayed, new_connection, replay, timeouts_for_replay
from dicomwire.tracing.showing import show
from dicomwire.tracing.trace_files import TraceFile, read_trace, write_pcapng, write_trace
from dicomwire.tracing.trace_format import BadTrace
from dicomwire.tracing.trace_page import page
from dicomwire.tracing.trace_records import Recorder, RecordKind, Trace, TracedAssociation, TraceRecord

__all__ = [
    "BadTrace",
    "Deviation",
    "RecordKind",
    "RecordedConnection",
    "Recorder",
    "ReplayDiffers",
    "Replayed",
    "Trace",
    "TraceFile",
    "TraceRecord",
    "TracedAssociation",
    "deviations",
    "new_connection",
    "page",
    "read_trace",
    "replay",
    "show",
    "timeouts_for_replay",
    "write_pcapng",
    "write_trace",
]
