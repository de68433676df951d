"""Keys as tables and pictures write them."""

_NAMES = {" ": "space", "⌫": "backspace", "⏎": "enter", "⇧": "shift"}


def shown(key: str) -> str:
    """A key's character, or a word for the keys whose characters would not show."""
    return _NAMES.get(key, key)
