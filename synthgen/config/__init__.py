"""The YAML: read, checked, and built into a pipeline."""

from synthgen.config.fingerprint import free_keys, ingredients, run_config
from synthgen.config.models import Config
from synthgen.config.recipe import Recipe, load, locate
from synthgen.config.schema import schema

__all__ = [
    "Config",
    "Recipe",
    "free_keys",
    "ingredients",
    "load",
    "locate",
    "run_config",
    "schema",
]
