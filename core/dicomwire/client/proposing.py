"""What a client proposes: presentation contexts by what it is going to do, or to send."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Literal, TypeAlias

from attrs import frozen

from dicomwire._globals import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, VERIFICATION
from dicomwire._values import Value
from dicomwire.associations.configured_contexts import MOST_CONTEXTS
from dicomwire.client.queries import FIND, GET, MOVE, PATIENT_ROOT, STUDY_ROOT, WORKLIST
from dicomwire.compat.pdu_primitives import NegotiationItem
from dicomwire.data.files import contexts_for
from dicomwire.vocabulary.context_lists import uids_of_list
from dicomwire.vocabulary.contexts import PresentationContext, build_context, build_role
from dicomwire.vocabulary.titles_and_uids import require_uid

ServiceName: TypeAlias = Literal["echo", "store", "find", "move", "get", "worklist"]
"""What a client does with its peer."""

USUAL: tuple[ServiceName, ...] = ("echo", "find", "move", "worklist")
"""What is proposed where a program says nothing."""

_MOST_NAMED = 3

_RECEIVED = [EXPLICIT_LITTLE, IMPLICIT_LITTLE, DEFLATED, EXPLICIT_BIG]
"""Many archives take the first that is proposed and convert nothing: dcm4che's dcmqrscp, for one.  Of what is stored
uncompressed nearly all is in explicit VR little endian; implicit VR would lose the VRs of private elements too."""

FilePath: TypeAlias = str | os.PathLike[str]

_MODELS: dict[str, tuple[str, ...]] = {
    "echo": (VERIFICATION,),
    "find": (STUDY_ROOT + FIND, PATIENT_ROOT + FIND),
    "move": (STUDY_ROOT + MOVE, PATIENT_ROOT + MOVE),
    "get": (STUDY_ROOT + GET, PATIENT_ROOT + GET),
    "worklist": (WORKLIST,),
    "store": (),
}


@frozen(kw_only=True, repr=False, eq=False)
class ClientProposal(Value):
    """What an association is opened for."""

    contexts: tuple[PresentationContext, ...]
    roles: tuple[NegotiationItem, ...] = ()
    received: frozenset[str] = frozenset()
    """SOP classes of which the peer may send instances here."""


def proposal_of(
    contexts: Iterable[PresentationContext | str] | None = None,
    files: FilePath | Iterable[FilePath] | None = None,
    services: Iterable[ServiceName] | ServiceName | None = None,
) -> ClientProposal:
    """Everything that is asked for, each context once; without anything the usual services.

    Where storage is among the services it has the room that is left of 128 contexts, the usual classes first.

    Raises:
        ValueError: more than 128 contexts, or none, or no service of that name.
        TypeError: an argument of another kind.
    """
    if contexts is None and files is None and services is None:
        services = USUAL
    if isinstance(contexts, str):
        raise TypeError("'contexts' are presentation contexts or UIDs in a list, not one string")
    names = _names(services)
    proposed = [item if isinstance(item, PresentationContext) else _of_class(item) for item in contexts or ()]
    if files is not None:
        given = [files] if isinstance(files, str | os.PathLike) else [*files]
        needed = contexts_for(given)
        if not needed:
            # A wrong path, most likely: better now than when one of them is sent.
            named = ", ".join(os.fspath(path) for path in given[:_MOST_NAMED])
            named += ", ..." if len(given) > _MOST_NAMED else ""
            raise ValueError(f"there is no DICOM file that could be sent among 'files': {named or 'no paths'}")
        # Whoever sends files wants to know at first whether anybody is there.
        proposed += [build_context(VERIFICATION), *needed]
    proposed += [build_context(uid) for name in names for uid in _MODELS[name]]
    proposed = _each_once(proposed)
    if len(proposed) > MOST_CONTEXTS:
        raise ValueError(f"{len(proposed)} presentation contexts, but an association has at most {MOST_CONTEXTS}")
    received: list[str] = []
    if "store" in names or "get" in names:
        classes = uids_of_list("StoragePresentationContexts") or []
        room = MOST_CONTEXTS - len(proposed)
        present = {str(context.abstract_syntax) for context in proposed}
        more = [uid for uid in classes if uid not in present][:room]
        if "get" in names:
            received = [uid for uid in classes if uid in present or uid in more]
        syntaxes = _RECEIVED if "get" in names else None
        proposed += [build_context(uid, syntaxes) for uid in more]
    if not proposed:
        raise ValueError("no presentation contexts: name some in 'contexts', 'files' or 'services'")
    is_sent = "store" in names or files is not None
    return ClientProposal(
        contexts=tuple(proposed),
        roles=tuple(build_role(uid, scu_role=is_sent, scp_role=True) for uid in received),
        received=frozenset(received),
    )


def _names(services: Iterable[ServiceName] | ServiceName | None) -> list[ServiceName]:
    given: Iterable[ServiceName] = [services] if isinstance(services, str) else services or ()
    names = list(dict.fromkeys(given))
    unknown = [name for name in names if name not in _MODELS]
    if unknown:
        raise ValueError(f"no service is called {unknown[0]!r}: there are {', '.join(map(repr, _MODELS))}")
    return names


def _of_class(uid: str) -> PresentationContext:
    require_uid(uid)
    return build_context(uid)


def _each_once(contexts: Iterable[PresentationContext]) -> list[PresentationContext]:
    known = {(context.abstract_syntax, tuple(context.transfer_syntax)): context for context in reversed([*contexts])}
    return list(reversed(known.values()))
