"""From a request's drafts to committed alerts: changes, group commit, who was heard."""
