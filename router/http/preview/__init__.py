"""The local page that shows what Slack would: its rows, its files, its routes."""
