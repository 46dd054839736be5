"""Decisions about recorded runs: merge reports, count each call once, remove secrets and content."""
