"""One module per noun with the commands about it; a command parses, asks and shows, and decides nothing."""
