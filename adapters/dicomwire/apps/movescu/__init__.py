"""Retrieval to some AE, as SCU."""
