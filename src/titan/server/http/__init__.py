"""The HTTP server: connections, requests, access, errors, documents."""
