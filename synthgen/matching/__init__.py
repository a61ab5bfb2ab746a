"""Words and patterns that filters share."""
