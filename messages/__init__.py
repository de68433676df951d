"""The ground floor: what travels between the rooms, its alphabet, and how bad input is refused. Pure."""
