"""The command-line applications: ``python -m dicomwire <name>``."""
