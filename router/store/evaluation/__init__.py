"""What an evaluation reads and writes: groups, incidents, messages, pages."""
