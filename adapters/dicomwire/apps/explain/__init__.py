"""The application ``explain``."""
