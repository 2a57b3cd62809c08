"""Modality worklist as SCP."""
