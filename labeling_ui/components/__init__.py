"""Parts that pages are made of: pure builders of words and figures, and small drawn blocks."""
