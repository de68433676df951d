from adapters.inject.x11.layout import KeyboardLayout, keysym, spare_pair


def test_symbols_follow_the_protocol() -> None:
    assert [keysym(c) for c in "aé€α\b\n"] == [0x61, 0xE9, 0x20AC, 0x010003B1, 0xFF08, 0xFF0D]
    assert spare_pair("É") == (0xE9, 0xC9)
    assert spare_pair("€") == (0x20AC, 0x20AC)
    # The upper case of ß is two letters.
    assert spare_pair("ß") == (0xDF, 0xDF)


def test_third_levels_count_in_a_layout_of_one_group_alone() -> None:
    shift, level3 = (0xFFE1,) * 4, (0xFE03,) * 4
    q = (0x71, 0x51)
    one = KeyboardLayout(10, [shift, level3, (*q, *q, 0x40, 0x7D9), (0,) * 6])
    assert one.strokes(0) == {
        **{0xFFE1: (10,), 0xFE03: (11,), 0x71: (12,), 0x51: (10, 12)},
        **{0x40: (11, 12), 0x7D9: (10, 11, 12)},
    }
    assert one.spare() == [13]
    two = KeyboardLayout(10, [shift, level3, (*q, 0x6CA, 0x6EA, 0x40, 0x7D9)])
    assert two.strokes(0)[0x51] == two.strokes(1)[0x6EA] == (10, 12)
    assert two.strokes(1)[0x6CA] == two.strokes(0)[0x71] == (12,)
    assert 0x40 not in two.strokes(0)
