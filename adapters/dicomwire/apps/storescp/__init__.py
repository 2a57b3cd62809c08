"""Storage as SCP."""
