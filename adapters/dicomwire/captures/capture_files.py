"""Associations in pcap and pcapng files; and any file that holds some, whatever it is."""

from __future__ import annotations

import io
import ipaddress
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from dicomwire.captures.tcp_streams import End, TCPStream, is_opening
from dicomwire.data import store
from dicomwire.tracing.json_captures import trace_of_json
from dicomwire.tracing.trace_files import read_trace_from
from dicomwire.tracing.trace_format import BadTrace, is_trace
from dicomwire.tracing.trace_records import RecordKind, Trace, TracedAssociation, TraceRecord
from dicomwire.upper_layer.pdus import AssociateRQ
from dicomwire.upper_layer.state import Role

_PCAPNG = b"\x0a\x0d\x0d\x0a"
_PCAP = (b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1")
_RAW_IP = (12, 14, 101, 228, 229)
"""Link types of packets that begin with the IP header."""

_REQUEST = bytes((AssociateRQ.pdu_type,))

_OURS = {False: RecordKind.RECEIVED, True: RecordKind.SENT}
_MISSING = {False: RecordKind.RECEIVED_LEFT_OUT, True: RecordKind.SENT_LEFT_OUT}
_END = {False: RecordKind.RECEIVED_END, True: RecordKind.CLOSED}


def _dpkt() -> Any:
    """An extra, without types."""
    return import_module("dpkt")


def read_any(path: str) -> Trace:
    """The associations in a trace, a pcap or pcapng capture, or a capture in JSON; its beginning says which it is.

    Raises:
        BadTrace: it is none of them, or broken.
        ModuleNotFoundError: it is a capture of a network, and dpkt is not installed.
        OSError: it cannot be read.
    """
    with store.STORE.reader(path) as file:
        beginning = file.read(8)
        file.seek(0)
        if is_trace(beginning):
            return read_trace_from(file)
        data = file.read()
    if beginning[:4] == _PCAPNG or beginning[:4] in _PCAP:
        return read_capture(data)
    return trace_of_json(data)


def read_capture(data: bytes) -> Trace:
    """The associations of a capture of a network, as their requestors have seen them.

    Segments in the wrong order are put right, and what came twice is taken once.  Bytes that were not captured are
    remarked upon, and zeros.

    Raises:
        BadTrace: it cannot be read.
        ModuleNotFoundError: dpkt is not installed.
    """
    dpkt = _dpkt()

    try:
        streams = _streams(_packets(data))
    except (ValueError, dpkt.UnpackError) as error:
        raise BadTrace(f"not a capture that can be read: {error}") from error
    associations: list[TracedAssociation] = []
    remarks: list[str] = []
    for stream in streams:
        for is_first in (True, False):
            stream.give_up(is_first=is_first)
        found = _association(stream, len(associations) + 1)
        if found is None:
            continue
        associations.append(found)
        if stream.missing:
            remarks.append(f"{stream.missing} bytes of association {found.number} were not captured")
    return Trace(associations=associations, remarks=remarks)


def _packets(data: bytes) -> Iterator[tuple[float, Any]]:
    """The IP packets, and when they were seen."""
    dpkt = _dpkt()

    file = io.BytesIO(data)
    reader: Any = dpkt.pcapng.Reader(file) if data[:4] == _PCAPNG else dpkt.pcap.Reader(file)
    link = reader.datalink()
    for time, frame in reader:
        try:
            if link in _RAW_IP:
                yield time, dpkt.ip6.IP6(frame) if frame[0] >> 4 == 6 else dpkt.ip.IP(frame)
            elif link == dpkt.pcap.DLT_EN10MB:
                yield time, dpkt.ethernet.Ethernet(frame).data
            elif link == dpkt.pcap.DLT_LINUX_SLL:
                yield time, dpkt.sll.SLL(frame).data
            elif link == 276:
                yield time, dpkt.sll2.SLL2(frame).data
            elif link in (dpkt.pcap.DLT_NULL, dpkt.pcap.DLT_LOOP):
                yield time, dpkt.loopback.Loopback(frame).data
            else:
                raise ValueError(f"link type {link} is not known here")
        except (dpkt.UnpackError, IndexError):
            # Cut off by the capture, or no IP.
            continue


def _streams(packets: Iterator[tuple[float, Any]]) -> list[TCPStream]:
    dpkt = _dpkt()

    running: dict[tuple[End, End], TCPStream] = {}
    streams: list[TCPStream] = []
    for time, packet in packets:
        segment: Any = getattr(packet, "data", None)
        if not isinstance(segment, dpkt.tcp.TCP):
            continue
        sender, receiver = (_address(packet.src), segment.sport), (_address(packet.dst), segment.dport)
        key = (sender, receiver) if sender < receiver else (receiver, sender)
        stream = running.get(key)
        if stream is None or (is_opening(segment.flags) and stream.pieces):
            stream = running[key] = TCPStream(sender, receiver)
            streams.append(stream)
        stream.take(float(time), sender, segment.seq, segment.flags, bytes(segment.data))
    return streams


def _address(packed: bytes) -> str:
    return str(ipaddress.ip_address(packed))


def _association(stream: TCPStream, number: int) -> TracedAssociation | None:
    """The association on a connection; None if there is none on it."""
    # Where both directions were captured apart, the answer may stand before the request.
    begins = {
        is_first: next((piece.data for piece in stream.pieces if piece.is_first is is_first and piece.data), b"")
        for is_first in (True, False)
    }
    is_first = begins[True][:1] == _REQUEST
    if not is_first and begins[False][:1] != _REQUEST:
        return None
    ends = (stream.first, stream.second) if is_first else (stream.second, stream.first)
    records = [TraceRecord(kind=RecordKind.OPENED, association=number, time=stream.pieces[0].time)]
    for piece in stream.pieces:
        is_requestors = piece.is_first == is_first
        kinds = _END if piece.is_end else _MISSING if piece.missing else _OURS
        records.append(
            TraceRecord(
                kind=kinds[is_requestors], association=number, time=piece.time, data=piece.data, left_out=piece.missing
            )
        )
    about = {"local": list(ends[0]), "peer": list(ends[1])}
    return TracedAssociation(number=number, role=Role.REQUESTOR, about=about, records=records)
