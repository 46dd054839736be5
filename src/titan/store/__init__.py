"""The stores: jobs and runs in SQLite or PostgreSQL, blobs and logs in folders, backups."""
