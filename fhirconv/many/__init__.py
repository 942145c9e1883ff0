"""Many cases: cut into chunks, converted by workers, written in the order of the input."""
