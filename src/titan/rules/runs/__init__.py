"""What recorded runs come to: reports merged, counted once, cleaned of secrets, kept or not."""
