"""What Python users call: a run in its folder, its plan, the training after it, duplicates removed from files."""

from synthgen.api.recipes import (
    arun,
    choose,
    finished,
    open_folder,
    preview_folder,
    run_in,
    run_recipe,
    set_aside,
)

__all__ = ["arun", "choose", "finished", "open_folder", "preview_folder", "run_in", "run_recipe", "set_aside"]
