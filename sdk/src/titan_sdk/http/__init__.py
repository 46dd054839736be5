"""HTTP to a Titan server, on the calling thread or an event loop."""
