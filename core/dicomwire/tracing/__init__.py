"""Traces of associations: recorded, kept in a file, replayed, and shown to people."""
