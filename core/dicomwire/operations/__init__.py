"""What an SCU does to ask for a service: one module an operation."""
