"""The catalogue, which is the truth, and the vector and keyword indexes derived from it."""
