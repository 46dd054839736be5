"""Records reports about agent runs, and computes totals and determinism of runs."""
