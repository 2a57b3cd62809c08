"""Verification as SCU."""
