"""Hostile and ordinary peers against a server in a process of its own, and what the server has left of them.

``python -m tests.hostile`` runs every attack, ``python -m tests.hostile soak ADAPTER N`` many associations.
"""
