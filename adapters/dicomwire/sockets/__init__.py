"""What the adapters share that have sockets: addresses, the race of dialing, listening, forks, and how bytes leave."""
