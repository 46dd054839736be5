"""The requests of a client, by subject."""
