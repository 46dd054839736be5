"""What may happen, and what happens next: pure functions from facts to decisions."""
