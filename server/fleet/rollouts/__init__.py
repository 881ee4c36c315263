"""A release to many devices in waves, each judged before the next one begins."""
