"""Counts of how the house is built, and their bars: ``python -m tests.house`` prints them with the places."""
