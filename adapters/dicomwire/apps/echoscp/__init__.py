"""Verification as SCP."""
