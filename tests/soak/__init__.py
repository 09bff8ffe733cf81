"""The fault soak: many runs of random faults, judged against the truth. README.md is the map."""
