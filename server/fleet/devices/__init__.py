"""Which devices there are, what each showed and asked for, and what that proves of its update."""
