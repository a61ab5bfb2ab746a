"""Monitors as a loop calls them: plug-ins."""
