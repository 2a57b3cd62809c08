"""What ``python -m dicomwire.migrate`` does."""
