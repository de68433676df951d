"""Rest, typing and clenching told apart."""
