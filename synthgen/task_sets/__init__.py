"""Tasks with known answers, made by programs or taken from files: plug-ins of the loop."""
