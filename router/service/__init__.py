"""The running process: parts made and joined, loops, reload, health, rule files."""
