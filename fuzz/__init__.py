"""Fuzzing: what must hold for any bytes, tried on many of them.  ``python -m fuzz list`` says what there is."""
