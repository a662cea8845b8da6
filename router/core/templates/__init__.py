"""Users' own words in messages: rendered within bounds of time and size. Pure."""
