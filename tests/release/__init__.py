"""What is published, made and checked, and published by nobody: ``python -m tests.release``."""
