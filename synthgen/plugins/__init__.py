"""`use:` strings to objects: the only package that imports by name."""

from synthgen.plugins.find import Finder, Found, known
from synthgen.plugins.kinds import BUILTINS, GROUPS, Kind
from synthgen.plugins.settings import Built, build, part_of, setting_names, settings_model
from synthgen.text import nearest, suggestion

__all__ = [
    "BUILTINS",
    "GROUPS",
    "Built",
    "Finder",
    "Found",
    "Kind",
    "build",
    "known",
    "nearest",
    "part_of",
    "setting_names",
    "settings_model",
    "suggestion",
]
