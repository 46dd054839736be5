"""What each route does. `titan.server.http.table` lists them all."""
