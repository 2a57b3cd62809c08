"""A trace as one page of HTML that needs nothing else: ``trace show --html``.

What there is to see is made here, as JSON; how it looks is in the files of the folder ``page``.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from json import dumps
from pkgutil import get_data
from string import Template
from typing import Any

from dicomwire._logging import printable
from dicomwire._version import __version__
from dicomwire.tracing.deviations import Judge
from dicomwire.tracing.dissecting import SeenEvent, SeenMessage, SeenPDU, dissect
from dicomwire.tracing.seen_negotiation import SeenNegotiation
from dicomwire.tracing.showing import moment, place
from dicomwire.tracing.trace_entries import Entries, Entry
from dicomwire.tracing.trace_records import Trace, TracedAssociation
from dicomwire.tracing.visible_bytes import visible_bytes
from dicomwire.tracing.waiting import Wait, Waits
from dicomwire.upper_layer.pdus import Abort, AssociateAC, AssociateRJ, AssociateRQ, PDataTF
from dicomwire.upper_layer.state import Role
from dicomwire.vocabulary.statuses import STATUS_FAILURE, STATUS_PENDING, STATUS_SUCCESS, code_to_category
from dicomwire.vocabulary.titles_and_uids import uid_name

_LINE_LENGTH = 200
_MOST_REMARKS = 100
_A_YEAR = 365 * 86400.0
_REQUESTOR, _ACCEPTOR, _NOBODY = 0, 1, 2
"""Who has done it: the columns of the page."""

_TONES = {STATUS_SUCCESS: "good", STATUS_PENDING: "pending", STATUS_FAILURE: "bad"}


def page(trace: Trace, *, title: str = "", patient_data: bool = False) -> str:
    """One page of HTML, in ASCII, that shows ``trace`` in a browser without network.

    It has both sides in time, every PDU with its fields and bytes, waiting, what was negotiated, and deviations.
    Credentials are not in it, and values of data sets only with ``patient_data``.
    """
    shown: dict[str, Any] = {
        "version": __version__,
        "title": printable(title, 100),
        "patients": patient_data,
        "associations": [_association(association, patient_data) for association in trace],
        "remarks": [printable(remark, _LINE_LENGTH) for remark in trace.remarks[:_MOST_REMARKS]],
    }
    style, script = _asset("trace.css"), _asset("trace.js")
    return Template(_asset("trace.html")).substitute(
        title=escape(shown["title"] or "DICOM associations").encode("ascii", "xmlcharrefreplace").decode(),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=_json(shown),
    )


def _asset(name: str) -> str:
    data = get_data("dicomwire.tracing", f"page/{name}")
    assert data is not None
    return data.decode("ascii").replace("\r\n", "\n").strip()


def _hash(text: str) -> str:
    """As a content security policy names what may run."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _json(value: Any) -> str:
    """JSON that ends no element of HTML and begins none."""
    made = dumps(value, separators=(",", ":"))
    return made.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _association(association: TracedAssociation, patient_data: bool) -> dict[str, Any]:
    begin = association.records[0].time if association.records else 0.0
    entries, waits = Entries(patient_data), Waits(begin)
    judge, negotiation = Judge(association.role), SeenNegotiation(association.role)
    rows = []
    count = [0, 0]
    last = begin
    for seen in dissect(association):
        judge.take(seen)
        negotiation.take(seen)
        rows.append(_row(seen, entries.entry(seen), waits.take(seen), association.role, begin, patient_data))
        last = max(last, seen.time)
        if isinstance(seen, SeenPDU):
            count[_side(seen.is_sent, association.role)] += seen.length
    request = negotiation.request
    ends = [place(association.about[name]) if name in association.about else "" for name in ("local", "peer")]
    waited = [waits.waited[True], waits.waited[False]]
    if association.role is Role.ACCEPTOR:
        ends.reverse()
        waited.reverse()
    return {
        "number": association.number,
        "recorder": _side(True, association.role),
        "titles": [printable(request.calling_ae_title), printable(request.called_ae_title)] if request else ["", ""],
        "places": ends,
        # Captures in JSON count from 0.
        "when": f"{moment(begin)} UTC" if begin > _A_YEAR else "",
        "seconds": round(last - begin, 6),
        "bytes": count,
        "waited": [round(seconds, 6) for seconds in waited],
        "end": printable(negotiation.end, _LINE_LENGTH),
        "words": negotiation.words(),
        "contexts": [
            [
                context.context_id,
                _named(context.abstract_syntax),
                [_named(uid) for uid in context.transfer_syntaxes],
                printable(context.outcome, _LINE_LENGTH),
                context.is_accepted,
            ]
            for context in negotiation.contexts
        ],
        "deviations": [
            [found.role.value, printable(found.what, _LINE_LENGTH), found.section, round(found.time - begin, 6)]
            for found in judge.found.values()
        ],
        "rows": rows,
    }


def _named(uid: str) -> list[str]:
    return [uid_name(uid) if uid else "(none)", printable(uid)]


def _side(is_sent: bool, recorded_by: Role) -> int:
    return _REQUESTOR if is_sent is (recorded_by is Role.REQUESTOR) else _ACCEPTOR


def _row(
    seen: SeenPDU | SeenEvent, entry: Entry, wait: Wait, role: Role, begin: float, patient_data: bool
) -> list[Any]:
    """Time, wait before and within, whether it may be that of an acknowledgement (seconds); who; bytes; what it says in
    short, its tone; its fields, its bytes.  :file:`page/trace.js` has the same order.
    """
    label, note, tone = _in_short(seen, entry)
    times = [round(seen.time - begin, 6), round(wait.before, 6), round(wait.within, 6)]
    row: list[Any] = [*times, int(wait.is_like_delayed_acknowledgement)]
    if isinstance(seen, SeenEvent):
        return [*row, _NOBODY, 0, printable(label, _LINE_LENGTH), "", "", [], []]
    lines = [entry.headline, *entry.lines, *([entry.trouble] if entry.trouble else [])]
    for message in entry.messages:
        lines += message
    return [
        *row,
        _side(seen.is_sent, role),
        seen.length,
        printable(label, _LINE_LENGTH),
        printable(note, _LINE_LENGTH),
        tone,
        [printable(line, _LINE_LENGTH) for line in lines],
        [[data.hex(), count, why] for data, count, why in visible_bytes(seen, patient_data=patient_data)],
    ]


def _in_short(seen: SeenPDU | SeenEvent, entry: Entry) -> tuple[str, str, str]:
    """A few words, some more, and a tone: ``good``, ``bad``, ``pending``, ``bulk`` or none."""
    if isinstance(seen, SeenEvent):
        return entry.headline, "", ""
    pdu = seen.pdu
    match pdu:
        case None:
            return "Not decoded", entry.trouble or "", "bad"
        case AssociateRQ():
            return pdu.name, f"{pdu.calling_ae_title} to {pdu.called_ae_title}", ""
        case AssociateAC():
            accepted = sum(context.result == 0 for context in pdu.presentation_context)
            all_of_them = len(pdu.presentation_context)
            note = f"{accepted} of {all_of_them} presentation contexts accepted"
            return pdu.name, note, "good" if accepted else "bad"
        case AssociateRJ():
            return pdu.name, f"{pdu.result_str}: {pdu.reason_str}", "bad"
        case Abort():
            return pdu.name, f"{pdu.source_str}: {pdu.reason_str}" if pdu.source else pdu.source_str, "bad"
        case PDataTF() if entry.messages:
            label, _, note = entry.messages[0][0].partition(", ")
            more = f", and {len(entry.messages) - 1} more" if len(entry.messages) > 1 else ""
            return label, note + more, "bad" if entry.trouble else _tone(seen.messages[0])
        case PDataTF():
            value = pdu.presentation_data_value_items[0]
            what = "command set" if value.is_command else "data set"
            tone = "bad" if entry.trouble else "bulk"
            return f"P-DATA-TF, part of a {what}", f"context {value.context_id}", tone
        case _:
            return pdu.name, "", ""


def _tone(message: SeenMessage) -> str:
    status = message.command.status
    return "" if status is None or message.length is not None else _TONES.get(code_to_category(status), "pending")
