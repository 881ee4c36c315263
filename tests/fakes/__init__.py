"""Hand-written stand-ins that behave as the real parts do, and misbehave when told to."""
