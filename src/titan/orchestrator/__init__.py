"""Runs jobs: stores submissions, leases attempts to workers, records how they ended, and wakes waiting requests."""
