"""`use:` strings to objects: the package that imports what a config names."""

from synthgen.plugins.find import Finder, Found, known
from synthgen.plugins.kinds import BUILTINS, GROUPS, Kind
from synthgen.plugins.settings import Built, build, part_of, setting_names, settings_model

__all__ = [
    "BUILTINS",
    "GROUPS",
    "Built",
    "Finder",
    "Found",
    "Kind",
    "build",
    "known",
    "part_of",
    "setting_names",
    "settings_model",
]
