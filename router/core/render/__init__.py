"""Views as Slack messages: blocks, headlines, threads, direct messages. Pure."""
