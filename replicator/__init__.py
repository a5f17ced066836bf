"""Copy a PostgreSQL database into another PostgreSQL server: schema, data, verification. No client tools."""

__version__ = "0.1.0"
