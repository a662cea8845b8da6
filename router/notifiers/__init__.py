"""The ways out, behind one interface: each makes one call and sorts the answer. They see neither store nor verbs."""
