"""What `alert-router` does, a file per kind of command. Imports of the service stay inside the commands: --help is fast."""
