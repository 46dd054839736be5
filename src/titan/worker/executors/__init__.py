"""Starts attempts as processes on this machine and reports how they ended; `local` is the entry point."""
