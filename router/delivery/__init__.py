"""Claims what is due, makes one call through a notifier, writes down what came of it."""
