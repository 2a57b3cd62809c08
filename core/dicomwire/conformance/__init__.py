"""The DICOM conformance statement (PS3.2) of an AE, made of its configuration.

``as_markdown(conformance_statement(ae))`` is all it takes; what programs give to ``associate`` and ``start_server``
beside the AE is in a :class:`DescribedEntity`.
"""

from dicomwire.conformance.described_entity import DescribedEntity
from dicomwire.conformance.statement import conformance_statement
from dicomwire.conformance.statement_blocks import Paragraph, Section, Statement, Table
from dicomwire.conformance.statement_writing import as_html, as_markdown

__all__ = [
    "DescribedEntity",
    "Paragraph",
    "Section",
    "Statement",
    "Table",
    "as_html",
    "as_markdown",
    "conformance_statement",
]
