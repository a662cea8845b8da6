"""What follows from committed alerts: groups evaluated, recipients, ends, escalation."""
