"""How detectors are run, kept, summed up and shown (see ``benchmarks/detectors.py``)."""
