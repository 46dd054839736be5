"""The engine performs decisions: it hands out attempts, runs them, and settles how they ended."""
