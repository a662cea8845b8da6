"""What a person asks of rules: check, explain, what changes, lint."""
