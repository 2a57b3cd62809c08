"""Associations that are kept and lent: a pool of them, and an archive that is asked by them (extension)."""
