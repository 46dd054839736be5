"""What tests share: builders, fakes and servers started for a test."""
