"""Language models: a window becomes text, text becomes a severity."""
