"""What an SCP does with a request: one module a service."""
