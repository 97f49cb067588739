"""Published detectors, run here on the same series as rl-tsad."""
