"""Lets the tests in the folders below import `store_parts`."""
