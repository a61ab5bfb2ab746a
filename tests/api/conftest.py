from project_parts import project

__all__ = ["project"]
