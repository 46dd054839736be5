"""What may happen to jobs, and what follows."""
