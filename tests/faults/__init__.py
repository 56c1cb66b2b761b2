"""Real SIGKILLs at named places of a running node, without a hook in the product."""
