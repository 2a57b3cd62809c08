"""What is here because programs written for pynetdicom use it: its primitives, messages and log handlers."""
