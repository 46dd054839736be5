"""The commands, one module for each subject. A command parses options, sends requests and shows the answers."""
