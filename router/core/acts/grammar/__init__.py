"""What people write to the router, after `/incident` or after its name: text → what they ask for, or what is wrong with it."""
