"""What intake writes: alerts, where they belong, what is known to be committed."""
