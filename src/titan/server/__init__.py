"""The wire: one list of routes, its values, live events, and who may ask."""
