"""What carries an incident to people, a folder each: it renders, makes one call and sorts the answer."""
