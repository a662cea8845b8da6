"""The service: takes alerts in, keeps Slack true. See ARCHITECTURE.md for the way of an alert."""
