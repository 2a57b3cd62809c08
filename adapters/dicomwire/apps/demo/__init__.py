"""What the library can do, in a few seconds."""
