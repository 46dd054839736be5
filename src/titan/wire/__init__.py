"""The JSON shapes of the HTTP API, each defined once: the server, its workers and the command line use them."""
