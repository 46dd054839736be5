"""Decisions as pure functions of facts."""
