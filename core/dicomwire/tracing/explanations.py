"""What happened in a trace, in words for people and as values for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Any

from attrs import define, field

from dicomwire._logging import printable
from dicomwire.tracing.deviations import Deviation, Judge
from dicomwire.tracing.dissecting import SeenPDU, dissect
from dicomwire.tracing.seen_negotiation import SeenContext, SeenNegotiation
from dicomwire.tracing.trace_records import Trace, TracedAssociation
from dicomwire.tracing.waiting import WORTH_TELLING, Waits
from dicomwire.vocabulary.titles_and_uids import uid_name

WIDTH = 80
"""Columns of the text."""

_NOTHING_FOUND = "Nothing was seen that is not as the standard has it."


@define
class ExplainedAssociation:
    """What there is to say of one association."""

    number: int
    negotiation: SeenNegotiation
    deviations: list[Deviation] = field(factory=list)
    longest_wait: float = 0.0
    """Seconds."""

    waited_for: str = ""
    """Who spoke then: ``"requestor"`` or ``"acceptor"``."""

    is_like_delayed_acknowledgement: bool = False


def explained(association: TracedAssociation) -> ExplainedAssociation:
    """Look at an association once, from its beginning to its end."""
    begin = association.records[0].time if association.records else 0.0
    judge, waits = Judge(association.role), Waits(begin)
    made = ExplainedAssociation(association.number, SeenNegotiation(association.role))
    for seen in dissect(association):
        judge.take(seen)
        made.negotiation.take(seen)
        wait = waits.take(seen)
        if isinstance(seen, SeenPDU) and wait.longest > made.longest_wait:
            made.longest_wait, made.waited_for = wait.longest, made.negotiation.role(seen.is_sent)
            made.is_like_delayed_acknowledgement = wait.is_like_delayed_acknowledgement
    made.deviations = list(judge.found.values())
    return made


# -- a trace -------------------------------------------------------------------------------------------------------
def explain_trace(trace: Trace) -> Iterator[str]:
    """Lines of at most 80 columns: what was negotiated and how it ended, waits, and deviations from the standard."""
    for association in map(explained, trace):
        request = association.negotiation.request
        titles = f"{request.calling_ae_title} to {request.called_ae_title}" if request else "without a request"
        yield from folded(f"Association {association.number}, {titles}", "")
        for sentence in association.negotiation.words():
            yield from folded(sentence)
        yield from _by_outcome(association.negotiation.contexts)
        if association.longest_wait >= WORTH_TELLING:
            like = ", as long as a delayed acknowledgement" if association.is_like_delayed_acknowledgement else ""
            milliseconds = f"{association.longest_wait * 1e3:.1f} ms"
            yield from folded(f"Longest wait: {milliseconds} for the {association.waited_for}{like}.")
        yield from lint(association.deviations)
        yield ""
    for remark in trace.remarks:
        yield from folded(f"Note: {printable(remark, 200)}", "")


def trace_as_values(trace: Trace) -> dict[str, Any]:
    """The same as values that JSON has."""
    return {"associations": [_values(explained(one)) for one in trace], "remarks": [*map(printable, trace.remarks)]}


def _values(association: ExplainedAssociation) -> dict[str, Any]:
    negotiation = association.negotiation
    return {
        "number": association.number,
        "summary": negotiation.words(),
        "end": printable(negotiation.end, 200),
        "contexts": [
            {
                "id": context.context_id,
                "abstract_syntax": printable(context.abstract_syntax),
                "transfer_syntaxes": [*map(printable, context.transfer_syntaxes)],
                "result": context.result,
                "accepted": printable(context.transfer_syntax) if context.transfer_syntax else None,
            }
            for context in negotiation.contexts
        ],
        "longest_wait": round(association.longest_wait, 6),
        "deviations": [*map(deviation_values, association.deviations)],
    }


def deviation_values(deviation: Deviation) -> dict[str, str]:
    """A deviation as values that JSON has."""
    what = printable(deviation.what, 200)
    return {"role": deviation.role.value, "what": what, "section": deviation.section}


# -- lines -------------------------------------------------------------------------------------------------------------
def _by_outcome(contexts: list[SeenContext]) -> Iterator[str]:
    grouped: dict[str, list[str]] = {}
    for context in contexts:
        name = uid_name(context.abstract_syntax) if context.abstract_syntax else "no abstract syntax"
        grouped.setdefault(context.outcome, []).append(f"{name} ({context.context_id})")
    for outcome, names in grouped.items():
        yield from folded(f"Presentation contexts {outcome}:")
        yield from folded(", ".join(names), "    ")


def lint(deviations: Iterable[Deviation]) -> Iterator[str]:
    """Lines that tell deviations, or that there are none."""
    found = list(deviations)
    yield from folded("Not as the standard has it, and tolerated:" if found else _NOTHING_FOUND)
    for deviation in found:
        yield from folded(str(deviation), "    ")


def folded(text: str, indent: str = "  ") -> list[str]:
    """A paragraph in lines of 80 columns; a peer has no say in where they end."""
    shown = printable(text, 20_000)
    return wrap(shown, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False)
