"""The YAML that SREs write: its keys, shapes and words, and the schema that comes from them."""
