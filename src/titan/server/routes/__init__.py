"""Handlers of the routes, a module for each resource; `titan.server.http.table` lists them."""
