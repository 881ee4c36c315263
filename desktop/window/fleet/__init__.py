"""The devices that the server knows, as they move, and what joins them with the address book and the rollouts."""
