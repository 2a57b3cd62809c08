"""The face of our own: verbs that give what was asked for, and raise where they cannot (extension)."""
