"""Series in: readers, windows, scaling, splits, named data sets, a simulated plant."""
