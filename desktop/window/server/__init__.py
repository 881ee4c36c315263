"""The server that is used: chosen, asked, let in by, or started on this computer."""
