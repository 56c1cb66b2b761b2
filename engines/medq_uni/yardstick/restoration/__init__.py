"""Images restored by contestants, compared with their truth."""
