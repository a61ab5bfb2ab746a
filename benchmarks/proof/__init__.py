"""The parts of `benchmarks/loop.py`: its arms, how they are run, what is read off them, and the pictures."""
