"""Where pseudo-anomalies come from: one kind a file, all of one shape (see ``generators.edit.Generator``)."""
