"""waitress behind one door: connections, requests as they come, and the bounds of both."""
