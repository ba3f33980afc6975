"""Measurements against peers and floors, each as a ratio to a reference timed in the same run.

`make bench` runs all of it. Nothing here is imported by the product, and no figure is ever a test.
"""
