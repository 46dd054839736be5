"""What the core asks of stores, executors and the machine, as Protocols: one module for each subject."""
