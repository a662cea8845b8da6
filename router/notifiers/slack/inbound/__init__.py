"""What Slack sends us, by HTTP or Socket Mode: proven, decoded, handed to one callable, answered. Knows no incident and no store."""
