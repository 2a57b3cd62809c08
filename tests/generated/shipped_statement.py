"""docs/reference/conformance.md: the conformance statement of the applications as they are without options."""

from __future__ import annotations

from dicomwire.apps.conformance.entities_found import WITH_ENTITIES, of_application
from dicomwire.conformance import as_markdown, conformance_statement
from tests.generated.markdown import NOTE

_OPTIONS = {"movescu": ["--store"]}


def page() -> str:
    """The whole page."""
    entities = [entity for name in WITH_ENTITIES for entity in of_application(name, _OPTIONS.get(name, ()))]
    title = "DICOM conformance statement of the applications"
    head, _, rest = as_markdown(conformance_statement(*entities, title=title)).partition("\n\n")
    about = (
        "Of the applications called without options, but `movescu` with `--store`. `dicomwire conformance` writes "
        "one for other options,\nand for an AE of yours: "
        "[Write a conformance statement](../how-to/conformance-statement.md)."
    )
    return f"{head}\n\n{NOTE}\n\n{about}\n\n{rest}"
