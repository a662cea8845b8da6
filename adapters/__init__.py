"""One sender's payload to Alerts: one file per source, one line here, one folder of samples in tests/adapters."""
