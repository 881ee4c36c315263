"""`make soak`: a real server under mixed load for long, and whether what it holds stays flat."""
