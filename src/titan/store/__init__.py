"""Keeps facts: SQL in named files, migrations, one SQLite file per home, and folders for large content."""
