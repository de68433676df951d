"""Language models, as the beam asks them."""
