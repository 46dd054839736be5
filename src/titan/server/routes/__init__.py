"""What each route does. `titan.server.table` lists them all."""
