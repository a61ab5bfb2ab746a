"""Checkpoints on this machine: their names and token ids, and sampling row by row."""
