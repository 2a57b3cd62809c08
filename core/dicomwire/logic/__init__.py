"""What waits, written once: services and operations as coroutines over a Channel that names no event loop."""
