"""What delivery claims and settles: what is owed, claims, outcomes, pace, the rows of the preview."""
