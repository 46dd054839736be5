"""What foreign clients send, read into entries: pure, from bytes to values."""
