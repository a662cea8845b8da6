"""From texts to a RuleSet: one file, the files of teams, what refers to what."""
