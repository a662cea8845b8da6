"""Teams' files in a running service: read from a folder, remembered, watched, and their owners told."""
