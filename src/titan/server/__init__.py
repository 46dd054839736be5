"""The HTTP server: connections, authentication, routes and live events."""
