"""The messages as Slack would show them, kept in rows of our own."""
