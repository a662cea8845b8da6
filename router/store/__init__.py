"""The only SQL. A store function is a whole transaction in SQLAlchemy Core; see `database`."""
