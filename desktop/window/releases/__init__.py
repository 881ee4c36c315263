"""The page of the releases that are on the server."""
