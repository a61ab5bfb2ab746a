"""Rounds: generate, filter, mix, train, evaluate, gate; the student as the next teacher."""

from synthgen.loop.recipe import LoopRecipe, load
from synthgen.loop.report import LoopPlan, LoopReport, check_loop
from synthgen.loop.round import Round
from synthgen.loop.rounds import run_loop

__all__ = ["LoopPlan", "LoopRecipe", "LoopReport", "Round", "check_loop", "load", "run_loop"]
