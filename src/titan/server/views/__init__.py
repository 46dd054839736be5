"""Conversion of stored records to the JSON shapes of the HTTP API."""
