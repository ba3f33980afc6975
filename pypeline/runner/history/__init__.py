"""Looking back at runs: reads what a run wrote, changes nothing."""
