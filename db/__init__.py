"""The store: labels, queue, jobs and model versions as rows."""
