"""The ``rl-tsad`` command."""
