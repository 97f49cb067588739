"""What to ask next, and how an answer spreads."""
