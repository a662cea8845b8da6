"""What the machine leaves out because it is known not to hold: taken out of here, one by one, as it is mended."""

CHECKS_NOT_YET: dict[str, str] = {}
"""A promise -> the stories of `findings` that break it."""
FEATURES_NOT_YET: dict[str, str] = {}
"""What may happen -> the stories that it breaks promises by."""
BOOKS_NOT_YET: dict[str, str] = {}
"""A rules file -> likewise."""
