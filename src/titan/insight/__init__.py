"""What happened, and why: pure readings of recorded facts."""
