"""Many session files: simulated, checked, counted, as BIDS and XDF."""
