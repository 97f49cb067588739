"""The labeling page: asks, tells and enqueues; never trains."""
