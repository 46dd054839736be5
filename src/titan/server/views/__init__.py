"""Stored facts as the JSON of the HTTP API."""
