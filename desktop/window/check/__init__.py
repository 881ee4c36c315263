"""The second step: what is found of the picked files."""
