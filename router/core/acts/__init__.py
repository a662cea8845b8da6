"""What people do with incidents: the life of one, what a button carries, and the words of commands. Pure."""
