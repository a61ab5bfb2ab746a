"""Trainers as a loop calls them: plug-ins."""
