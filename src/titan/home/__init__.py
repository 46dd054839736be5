"""The data directory of a server: its id, its socket, its tokens."""
