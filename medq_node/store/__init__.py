"""Tables and sessions: the rows in which the roles meet."""
