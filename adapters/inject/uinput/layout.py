"""Which keys of a keyboard layout make a character, by libxkbcommon: what a Wayland compositor uses, too.

The kernel's uinput takes keys, not characters, and whoever reads them applies a layout; so ours has to be the same.
"""

import ctypes
import re

from messages.errors import InputError

SHIFT, ALTGR = 42, 100
"""KEY_LEFTSHIFT and KEY_RIGHTALT (linux/input-event-codes.h)."""
_NAMED = {"\b": (14,), "\n": (28,)}  # KEY_BACKSPACE, KEY_ENTER
_OFFSET = 8  # between XKB's key codes and the kernel's
_LAST = 0xFF  # codes beyond are buttons and the like
_KEYPAD = range(0xFF80, 0xFFBE)  # key symbols; what they type hangs on Num Lock
_NO_ENVIRONMENT = 2  # XKB_CONTEXT_NO_ENVIRONMENT_NAMES: the layout that we name, not that of XKB_DEFAULT_LAYOUT
_CRITICAL = 10  # XKB_LOG_LEVEL_CRITICAL: what is wrong we say ourselves
_UP, _DOWN = 0, 1
_ORDER = ((), (SHIFT,), (ALTGR,), (SHIFT, ALTGR))


class _RuleNames(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_char_p) for name in ("rules", "model", "layout", "variant", "options"))


def strokes(layout: str) -> dict[str, tuple[int, ...]]:
    """Kernel key codes by character, modifiers first, those with fewest modifiers.

    Args:
        layout: As setxkbmap names it, "us", or with a variant, "de(nodeadkeys)".

    Raises:
        InputError: No such layout, none named, or no libxkbcommon.
    """
    named = re.fullmatch(r"(\w+)(?:\(([\w-]+)\))?", layout)
    if not named:
        raise InputError(
            f"layout = {layout!r} in [inject]: expected the one that your session uses, as 'us' or 'de(nodeadkeys)'; "
            "uinput presses keys, and another layout would make other characters of them"
        )
    lib = _library()
    context = lib.xkb_context_new(_NO_ENVIRONMENT)
    lib.xkb_context_set_log_level(context, _CRITICAL)
    names = _RuleNames(b"evdev", b"pc105", named[1].encode(), (named[2] or "").encode(), b"")
    keymap = lib.xkb_keymap_new_from_names(context, ctypes.byref(names), 0)
    try:
        if not keymap:
            raise InputError(f"libxkbcommon knows no layout {layout!r}: expected one that setxkbmap knows, as 'us'")
        return {**_characters(lib, keymap), **_NAMED}
    finally:
        lib.xkb_keymap_unref(keymap)
        lib.xkb_context_unref(context)


def _characters(lib: ctypes.CDLL, keymap: int) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    first = lib.xkb_keymap_min_keycode(keymap)
    last = min(lib.xkb_keymap_max_keycode(keymap), _LAST + _OFFSET)
    for modifiers in _ORDER:
        state = lib.xkb_state_new(keymap)
        for code in modifiers:
            lib.xkb_state_update_key(state, code + _OFFSET, _DOWN)
        for code in range(first, last + 1):
            if code - _OFFSET in modifiers or lib.xkb_state_key_get_one_sym(state, code) in _KEYPAD:
                continue
            character = chr(lib.xkb_state_key_get_utf32(state, code))
            if character.isprintable():
                found.setdefault(character, (*modifiers, code - _OFFSET))
        lib.xkb_state_unref(state)
    return found


def _library() -> ctypes.CDLL:
    try:
        lib = ctypes.CDLL("libxkbcommon.so.0")
    except OSError:
        raise InputError(
            "libxkbcommon is not installed, which knows the keyboard layouts: install the package libxkbcommon0 "
            "(libxkbcommon elsewhere)"
        ) from None
    pointer, number = ctypes.c_void_p, ctypes.c_uint32
    for name, result, arguments in (
        ("xkb_context_new", pointer, (number,)),
        ("xkb_context_set_log_level", None, (pointer, number)),
        ("xkb_context_unref", None, (pointer,)),
        ("xkb_keymap_new_from_names", pointer, (pointer, pointer, number)),
        ("xkb_keymap_unref", None, (pointer,)),
        ("xkb_keymap_min_keycode", number, (pointer,)),
        ("xkb_keymap_max_keycode", number, (pointer,)),
        ("xkb_state_new", pointer, (pointer,)),
        ("xkb_state_unref", None, (pointer,)),
        ("xkb_state_update_key", number, (pointer, number, number)),
        ("xkb_state_key_get_one_sym", number, (pointer, number)),
        ("xkb_state_key_get_utf32", number, (pointer, number)),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, list(arguments)
    return lib
