"""What server, window and command line all know; it imports neither side."""

__version__ = "0.1.0"
