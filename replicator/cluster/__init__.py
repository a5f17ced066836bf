"""What belongs to the server (roles, tablespaces) or to the database itself, not to what is in a database."""
