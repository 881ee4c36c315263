"""What is written down: the SQLite file, its one writer and its readers, and the history in it."""
