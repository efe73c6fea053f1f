"""How a campaign stands: totals, rates and what is in flight, once or again and again."""
