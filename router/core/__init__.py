"""Pure: what to tell and how it looks. No input or output, no clock, no await."""
