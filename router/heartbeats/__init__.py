"""Expected signs of life: what was seen, what is missing, and the call that says that this router is well."""
