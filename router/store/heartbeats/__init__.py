"""Expected signs of life and stale sources, as they are stored."""
