"""The 98 keys of the emg2qwerty task, and how characters and key names become labels.

Order (Sivakumar et al. 2024): a-z, A-Z, 0-9, `string.punctuation`, ⌫, ⏎, space, ⇧; the CTC blank comes last.
"""

import string
from collections.abc import Iterable

from anyascii import anyascii

BACKSPACE = "⌫"
ENTER = "⏎"
SPACE = " "
SHIFT = "⇧"
IRREVERSIBLE = (BACKSPACE, ENTER)
"""Keys that typing on cannot take back: nothing that acts on them may see them before they are final."""

KEYS: tuple[str, ...] = (
    *string.ascii_lowercase,
    *string.ascii_uppercase,
    *string.digits,
    *string.punctuation,
    BACKSPACE,
    ENTER,
    SPACE,
    SHIFT,
)
"""Character of every label, in label order."""
LABELS: dict[str, int] = {key: label for label, key in enumerate(KEYS)}
BLANK = len(KEYS)
"""Label of the CTC blank."""
CLASSES = len(KEYS) + 1
"""Number of classes of an emission: the keys and the blank."""

_CHARACTERS = {"\n": ENTER, "\r": ENTER, "\b": BACKSPACE, "’": "'", "“": '"', "”": '"', "—": "-"}
_KEY_NAMES = {"Key.enter": ENTER, "Key.space": SPACE, "Key.backspace": BACKSPACE, "Key.shift": SHIFT}
_NAME_BY_KEY = {key: name for name, key in _KEY_NAMES.items()}


def normalise(character: str) -> str | None:
    """Return the key for one character of text, or None if no key makes it.

    An unsupported character becomes its one-character transliteration if that is a key.
    """
    if character in LABELS:
        return character
    if character in _CHARACTERS:
        return _CHARACTERS[character]
    plain = anyascii(character)
    return plain if len(plain) == 1 and plain in LABELS else None


def text_to_labels(text: str) -> list[int]:
    """Return the labels of a text; characters without a key are dropped."""
    return [LABELS[key] for character in text if (key := normalise(character)) is not None]


def labels_to_text(labels: Iterable[int]) -> str:
    """Return the keys as one string, ⌫ and ⇧ included; `messages.text.render` gives the text that they make."""
    return "".join(KEYS[label] for label in labels)


def key_name_to_label(name: str) -> int | None:
    """Return the label of a key by its name in a session file: a character, or pynput's name such as "Key.space".

    None: the character set lacks the key.
    """
    key = _KEY_NAMES.get(name) if len(name) > 1 else normalise(name)
    return None if key is None else LABELS[key]


def label_to_key_name(label: int) -> str:
    """Return the name under which a session file records a label: the character, or pynput's name."""
    key = KEYS[label]
    return _NAME_BY_KEY.get(key, key)
