"""Re-execution: the program's own code runs again, and what its actions gave comes from a recording."""
