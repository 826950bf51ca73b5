"""Falco as users have it installed: its configuration, and our part of it. Not for the host."""
