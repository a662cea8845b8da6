"""The only code that talks to Slack. It sees neither store nor verbs: it makes one call and says what came of it."""
