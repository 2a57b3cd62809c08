"""An opt-in check on real files: ``python -m tests.real_files FOLDER``; see CONTRIBUTING.md."""
