"""The store of recorded calls: what agents did, beside the store that drives their jobs."""
