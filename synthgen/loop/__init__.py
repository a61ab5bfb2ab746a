"""Rounds: generate, filter, mix, train, evaluate, gate; the student as the next teacher."""

from synthgen.loop.recipe import LoopRecipe, load
from synthgen.loop.report import LoopReport, Round
from synthgen.loop.rounds import run_loop

__all__ = ["LoopRecipe", "LoopReport", "Round", "load", "run_loop"]
