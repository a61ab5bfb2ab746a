"""Checkpoints on this machine: their names and token ids, sampling row by row, and an untrained one."""
