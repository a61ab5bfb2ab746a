"""What Python users call: a recipe's run in its folder, its plan, duplicates removed from files."""

from synthgen.api.recipes import choose, finished, open_folder, preview_folder, run_in, run_recipe, set_aside

__all__ = ["choose", "finished", "open_folder", "preview_folder", "run_in", "run_recipe", "set_aside"]
