"""The ports: Protocols that stores, executors and the machine implement for the core."""
