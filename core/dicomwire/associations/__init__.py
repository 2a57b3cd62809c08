"""Associations: how they are opened and accepted, what goes over them, and how they end."""

# Before it is needed deep in a chain of imports: there CPython takes a third longer for its dictionary.
import pydicom.dataset  # noqa: F401
