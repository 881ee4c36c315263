"""What more than one room draws with; it knows no room, no network and no job."""
