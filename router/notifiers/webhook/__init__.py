"""Receivers other than Slack: PagerDuty, Opsgenie, whatever takes Alertmanager's webhook or JSON of our own."""
