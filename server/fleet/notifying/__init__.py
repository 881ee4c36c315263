"""Telling many devices of a release, with a result for each."""
