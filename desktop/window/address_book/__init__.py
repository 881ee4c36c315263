"""The devices that a person wrote down: the page on which they are edited, and the file in which they are kept."""
