"""What is sent to a teacher and what comes back: its words, tokens and price."""
