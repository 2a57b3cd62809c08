"""Associations: how they are opened and accepted, what goes over them, and how they end."""
