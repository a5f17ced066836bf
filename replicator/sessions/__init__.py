"""Connections: how they are opened, shared, locked, watched and retried, and the snapshot that they hold."""
