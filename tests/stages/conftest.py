from stage_parts import walk

__all__ = ["walk"]
