"""`python -m synthgen_train` is the command `synthgen`: for launchers of several processes, which start a module."""

import importlib

if __name__ == "__main__":
    importlib.import_module("synthgen.cli").main()
