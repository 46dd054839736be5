"""HTTP to a Titan server, blocking or on an event loop."""
