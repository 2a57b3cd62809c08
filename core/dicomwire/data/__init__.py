"""Data sets and files: where they come from, where they go, and their bytes."""
