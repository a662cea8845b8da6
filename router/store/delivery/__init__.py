"""What delivery claims and settles: the outbox, pace, the rows of the preview."""
