"""What the process stands on: clock, metrics, logs, configuration, version. Knows no alert."""
