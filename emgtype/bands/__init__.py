"""How the bands sit and how good their signal is: checked, reported, corrected in profiles."""
