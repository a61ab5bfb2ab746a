"""The heart: attempts walk the stages, in order where it counts, and what they ask is paid for once."""
