"""What a person would do to believe that it works: real senders, the real process, a Slack as strict as Slack."""
