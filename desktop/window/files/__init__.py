"""The first step: the files that a person drops or chooses, what role each has, and where they go in flash."""
