"""Files that survive a crash: atomic writes, run folders."""
