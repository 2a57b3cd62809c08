"""The application ``trace``."""
