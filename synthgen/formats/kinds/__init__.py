"""The kinds of files that hold rows, one a module; `synthgen.formats.reading` chooses among them."""
