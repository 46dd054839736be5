"""Agents that Titan evaluates in simulated worlds: their HTTP server, and their access to the world's tools."""
