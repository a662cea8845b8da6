"""What SREs write. PURE: text in, a RuleSet or errors out; labels and an instant in, a decision out."""
