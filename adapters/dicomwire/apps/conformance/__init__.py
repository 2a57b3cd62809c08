"""Conformance statements."""
