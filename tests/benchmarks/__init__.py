"""Tests of the benchmarks: that they run, agree and say what they measured; never how fast."""
