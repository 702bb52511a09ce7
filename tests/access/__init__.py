"""Who may come in, and the administration of it."""
