"""Retrieval over the same association, as SCU."""
