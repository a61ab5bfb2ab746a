"""The YAML: read, checked, and built into a pipeline."""

from synthgen.config.models import Config
from synthgen.config.recipe import Recipe, load, locate
from synthgen.config.run_folder import choose, ingredients, open_folder
from synthgen.config.running import finished, run_in, run_recipe
from synthgen.config.schema import schema

__all__ = [
    "Config",
    "Recipe",
    "choose",
    "finished",
    "ingredients",
    "load",
    "locate",
    "open_folder",
    "run_in",
    "run_recipe",
    "schema",
]
