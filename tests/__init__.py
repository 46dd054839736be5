"""Everything that shows what Titan promises; see docs/guide/contributing.md for the kinds of test."""
