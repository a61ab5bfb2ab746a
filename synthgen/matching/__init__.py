"""What filters and selectors share: words, patterns, ranks."""
