"""Gymnasium environments over arrays: windows in, verdicts out."""
