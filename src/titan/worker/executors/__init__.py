"""Executors start attempts as processes and tell how they ended; `local` runs them on this machine."""
