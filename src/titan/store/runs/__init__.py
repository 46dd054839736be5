"""The run store: recorded runs in SQLite or PostgreSQL."""
