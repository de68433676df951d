"""Work on many session files: simulate, check and count them, convert them to BIDS and XDF and back."""
