"""The YAML: read, checked, and built into a pipeline."""

from synthgen.config.models import Config
from synthgen.config.recipe import Recipe, load, locate
from synthgen.config.run_folder import choose, open_folder, preview_folder, set_aside
from synthgen.config.running import finished, run_in, run_recipe
from synthgen.config.schema import schema
from synthgen.config.shape import free_keys, ingredients, run_config

__all__ = [
    "Config",
    "Recipe",
    "choose",
    "finished",
    "free_keys",
    "ingredients",
    "load",
    "locate",
    "open_folder",
    "preview_folder",
    "run_config",
    "run_in",
    "run_recipe",
    "schema",
    "set_aside",
]
