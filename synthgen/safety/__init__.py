"""What must not leave: secrets, and characters that a terminal would obey."""
