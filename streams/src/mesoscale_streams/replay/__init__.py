"""A stage or sink run once more over a range of what it has read, beside the live one, and what differs by it."""
