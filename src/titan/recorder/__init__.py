"""Records what is reported of agent runs, and keeps their totals."""
