"""Decisions about jobs: lifecycle, dispatch, gates, retries."""
