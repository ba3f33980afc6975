"""The canvas against other node editors: the same graph, the same frames, each in a process of its own."""
