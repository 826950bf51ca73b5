"""Audit events from files, through the same path as live ones."""
