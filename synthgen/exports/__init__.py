"""Exports: the accepted records in the formats of trainers. Plug-ins, one a file."""
