"""One file a page: each has a ``show()`` that draws it."""
