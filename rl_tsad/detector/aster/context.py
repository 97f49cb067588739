"""What a language model that never saw a sensor makes of a sequence of patches (ASTER's context)."""
