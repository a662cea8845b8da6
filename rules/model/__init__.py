"""What rules are and what they decide. Pure; knows neither YAML nor its shapes."""
