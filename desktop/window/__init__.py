"""OTA Publisher's window: a room for each of its steps and pages, and one for the widgets that they share."""
