"""Measures alert-router beside the real Alertmanager, as whole processes on one machine. Imports nothing of either."""
