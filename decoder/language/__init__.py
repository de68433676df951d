"""Language models, as the beam uses them, and hot words."""
