"""The six table flows: ours as ``pype`` processes, and hand-written ones of the same meaning beside them."""
