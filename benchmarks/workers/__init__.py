"""Programs that run in processes of their own: the clients and servers that are measured."""
