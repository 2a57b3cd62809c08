"""Benchmarks against pynetdicom, DCMTK and bare sockets: ``python -m benchmarks``."""
