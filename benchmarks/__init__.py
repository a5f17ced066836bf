"""Measurements, printed as tables. Nothing here is asserted: machines differ, so compare ratios."""
