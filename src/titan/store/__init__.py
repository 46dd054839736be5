"""Keeps facts: SQL in named files, one schema per store, on SQLite and on PostgreSQL, and folders for large content."""
