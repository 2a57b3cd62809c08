"""The presentation contexts to propose for files, beside those that they need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dicomwire.associations.configured_contexts import MOST_CONTEXTS
from dicomwire.data.files import StoredFile
from dicomwire.vocabulary.contexts import PresentationContext, StoragePresentationContexts, build_context


def default_contexts(files: Sequence[StoredFile], syntaxes: Sequence[str]) -> list[PresentationContext]:
    """The default storage classes with ``syntaxes``, and a context for each pair found in the files.

    In a context with several transfer syntaxes the acceptor chooses, often implicit little endian, and then each
    explicit file has to be decoded, converted and held in memory.  A context of its own for the pair that a file
    has lets it pass as it is; it is also what compressed files and unusual classes need to pass at all.

    All this has to fit in 128 contexts.  When it does not, the pairs that the defaults do not hold come first, then
    the default classes of the files, then the other pairs, then the other default classes; the more files, the
    earlier.
    """
    count = Counter(file.pair for file in files)
    defaults = [build_context(context.abstract_syntax or "", [*syntaxes]) for context in StoragePresentationContexts]
    known = {str(context.abstract_syntax) for context in defaults}
    needed = {sop_class for sop_class, _ in count}
    pairs = [pair for pair, _ in count.most_common()]
    missing = [pair for pair in pairs if pair[0] not in known or pair[1] not in syntaxes]
    chosen = [build_context(*pair) for pair in missing]
    chosen += [context for context in defaults if context.abstract_syntax in needed]
    chosen += [build_context(*pair) for pair in pairs if pair not in set(missing)]
    chosen += [context for context in defaults if context.abstract_syntax not in needed]
    return chosen[:MOST_CONTEXTS]
