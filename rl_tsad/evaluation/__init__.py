"""Metrics, budget curves, reports."""
