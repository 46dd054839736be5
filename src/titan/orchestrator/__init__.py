"""Performs decisions about jobs: hands out attempts, settles how they ended, and wakes who waits."""
