"""Tables and lines that show jobs and runs."""
