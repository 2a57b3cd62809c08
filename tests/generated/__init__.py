"""Pages of the documentation that are made of the code: ``python -m tests.generated`` writes them anew."""
