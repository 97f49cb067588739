"""The REST API of the labeling desk."""
