"""Storage as SCU."""
