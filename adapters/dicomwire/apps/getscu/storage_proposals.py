"""The presentation contexts of a C-GET: the models, and what the peer may send."""

from __future__ import annotations

import re
from collections.abc import Sequence

import click
from pydicom.uid import UID

from dicomwire._globals import ALL_TRANSFER_SYNTAXES
from dicomwire.associations.configured_contexts import MOST_CONTEXTS
from dicomwire.compat.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from dicomwire.retrieval.into_folder import compressed_contexts
from dicomwire.vocabulary import sop_classes as sop_class
from dicomwire.vocabulary.contexts import PresentationContext, StoragePresentationContexts, build_context, build_role
from dicomwire.vocabulary.service_classes import C_STORE

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")


def storage_classes(context: click.Context, option: click.Parameter, values: Sequence[str]) -> list[str]:
    """The UIDs of SOP classes given by keyword or UID."""
    return list(dict.fromkeys(_storage_class(value) for value in values))


def _storage_class(value: str) -> str:
    if _UID.fullmatch(value):
        return value
    found = getattr(sop_class, value, None)
    if not isinstance(found, sop_class.SOPClass) or C_STORE not in sop_class.uid_to_messages(found):
        raise click.BadParameter(f"{value!r} is neither a UID nor a keyword such as CTImageStorage.")
    return str(found)


def transfer_syntaxes(context: click.Context, option: click.Parameter, values: Sequence[str]) -> list[str]:
    """The UIDs of transfer syntaxes given by keyword or UID."""
    return list(dict.fromkeys(_transfer_syntax(value) for value in values))


def _transfer_syntax(value: str) -> str:
    if _UID.fullmatch(value):
        return value
    for uid in ALL_TRANSFER_SYNTAXES:
        if UID(uid).keyword == value:
            return uid
    raise click.BadParameter(f"{value!r} is neither a UID nor a keyword such as JPEG2000Lossless.")


def contexts_for(
    models: Sequence[str], classes: Sequence[str], syntaxes: list[str], stored: list[str]
) -> list[PresentationContext]:
    """Contexts for the models, and for what may come.

    Each of ``classes``, by default the default storage classes, has a context with the transfer syntaxes ``stored``, by
    default ``syntaxes``.  If classes are given and ``stored`` is not, there are more contexts with one compressed
    transfer syntax each, as many as there is room for among 128.
    """
    queries = [build_context(model, syntaxes) for model in models]
    known = [str(context.abstract_syntax) for context in StoragePresentationContexts]
    storage = [build_context(uid, stored or syntaxes) for uid in classes or known]
    if classes and not stored:
        storage += compressed_contexts(classes)
    return [*queries, *storage][:MOST_CONTEXTS]


def roles_for(contexts: Sequence[PresentationContext], models: Sequence[str]) -> list[SCP_SCU_RoleSelectionNegotiation]:
    """To receive, the requestor has to be SCP (PS3.4 C.5.3): an item for each storage class."""
    classes = dict.fromkeys(str(context.abstract_syntax) for context in contexts)
    return [build_role(uid, scp_role=True) for uid in classes if uid not in models]
