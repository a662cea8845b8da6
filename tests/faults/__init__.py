"""What breaks around the service, done to the real process: kills, full disks, clocks, reloads, hostile bodies."""
