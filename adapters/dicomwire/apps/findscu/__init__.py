"""Query as SCU."""
