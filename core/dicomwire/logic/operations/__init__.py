"""What an SCU does to ask for a service: one module an operation, each a coroutine function over an association."""
