"""``storescu --decompress``: what the peer does not take as it is goes uncompressed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicomwire._globals import EXPLICIT_LITTLE, IMPLICIT_LITTLE
from dicomwire.associations.configured_contexts import MOST_CONTEXTS
from dicomwire.blocking import Association
from dicomwire.data.files import StoredFile
from dicomwire.data.reading_files import read_instance
from dicomwire.vocabulary.contexts import PresentationContext, build_context

_UNCOMPRESSED = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)


def is_compressed(file: StoredFile) -> bool:
    """Whether its pixels are, also in a transfer syntax that nobody knows."""
    uid = UID(file.transfer_syntax_uid)
    return not uid.is_transfer_syntax or uid.is_private or uid.is_compressed


def with_uncompressed(
    contexts: Sequence[PresentationContext], files: Iterable[StoredFile]
) -> list[PresentationContext]:
    """``contexts``, and one for each class of compressed files that has none uncompressed, as far as there is room."""
    has = {context.abstract_syntax for context in contexts if set(_UNCOMPRESSED) & {*context.transfer_syntax}}
    lacking = {file.sop_class_uid: None for file in files if is_compressed(file) and file.sop_class_uid not in has}
    return [*contexts, *(build_context(uid, [*_UNCOMPRESSED]) for uid in lacking)][:MOST_CONTEXTS]


def as_taken(file: StoredFile, association: Association) -> Path | Dataset:
    """The file as it is, if the peer takes that or nothing can be done; else with its pixels decoded by pydicom.

    Raises:
        Exception: whatever pydicom raises where it cannot decode them.
    """
    accepted = {(context.abstract_syntax, context.transfer_syntax[0]) for context in association.accepted_contexts}
    is_taken_plain = any((file.sop_class_uid, syntax) in accepted for syntax in _UNCOMPRESSED)
    if file.pair in accepted or not is_taken_plain or not is_compressed(file):
        return file.path
    dataset = read_instance(file.path)
    dataset.decompress(generate_instance_uid=False)
    return dataset
