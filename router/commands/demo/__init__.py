"""`alert-router demo`: its story, and the people who act in it."""
