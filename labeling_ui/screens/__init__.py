"""One file a page, each with a ``show()`` that draws it.

The folder is not called ``pages``: Streamlit would then run these files as scripts of their own, past ``app.py``.
"""
