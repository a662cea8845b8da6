"""Who uses the router's pages: the sign-in by token or by a personal link, and what somebody does there as themselves."""
