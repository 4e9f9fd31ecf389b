"""Numbers as words: significant digits, times, bytes, powers of ten; and as JSON, which has no infinity.

Sizes of arrays, caches and memory are binary multiples with IEC names (1 KiB is 1024 bytes); rates are
decimal (1 GB/s is 10⁹ bytes a second).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
DURATION = re.compile(
    r"(?:([\d.]+)\s*h(?:ours?)?)?\s*(?:([\d.]+)\s*m(?:in(?:ute)?s?)?)?\s*(?:([\d.]+)\s*(?:s(?:ec(?:ond)?s?)?)?)?",
    re.ASCII,
)
SIZES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def rounded(value: float, digits: int) -> str:
    """A number to so many significant digits, without an exponent.

    >>> rounded(1234.5, 2), rounded(0.01234, 2), rounded(9.99, 2), rounded(1.0, 3), rounded(0.0, 2)
    ('1200', '0.012', '10', '1.00', '0')
    """
    if value == 0:
        return "0"
    exponent = int(f"{value:.{digits - 1}e}".split("e")[1])
    places = digits - 1 - exponent
    return f"{round(value, places):.{max(places, 0)}f}"


def number(value: float, digits: int = 6) -> str:
    """A number as printed in books: a true minus sign, no leading zeros in the exponent.

    >>> number(-4.0), number(-0.0), number(-1 / 3), number(1.5e-9)
    ('−4', '0', '−0.333333', '1.5e−9')
    """
    text = f"{value + 0.0:.{digits}g}"
    return re.sub(r"e([+-])0*(\d)", lambda m: "e" + m[1].replace("+", "") + m[2], text).replace("-", "−")


def count(value: float) -> str:
    r"""A large count to two digits, with narrow spaces, which do not break, between thousands.

    >>> count(36.0), count(1234567.0)
    ('36', '1\u202f200\u202f000')
    """
    return f"{int(float(rounded(value, 2))):,}".replace(",", "\u202f")


def of_time(value: float, digits: int = 3) -> tuple[float, str]:
    """The unit of a time that is written with so many digits: its length in seconds, its name.

    >>> of_time(0.000996, 3)[1], of_time(0.000996, 2)[1]
    ('µs', 'ms')
    """
    written = float(f"{value:.{digits - 1}e}")
    return next((unit for unit in TIMES if written >= unit[0]), TIMES[-1])


def duration(text: str) -> float:
    """The seconds of a time as it is typed: 90, 90s, 1.5m, 10m, 1h30m, 2 h. Raises ValueError.

    >>> duration("90"), duration("1h30m"), duration("1.5 min"), duration("2m 30s")
    (90.0, 5400.0, 90.0, 150.0)
    """
    found = DURATION.fullmatch(text.strip().lower())
    if found is None or not any(found.groups()):
        raise ValueError(text)
    hours, minutes, rest = (float(number or 0) for number in found.groups())
    return 3600 * hours + 60 * minutes + rest


def seconds(value: float, digits: int = 3) -> str:
    """A time with its unit.

    >>> seconds(0.0000723), seconds(2.5, 2), seconds(0.9999999)
    ('72.3 µs', '2.5 s', '1.00 s')
    """
    size, unit = of_time(value, digits)
    return f"{rounded(value / size, digits)} {unit}"


def in_bytes(value: float | None, digits: int = 3) -> str:
    """A number of bytes with its unit, to so many digits; a dash where it is not known.

    >>> in_bytes(24576), in_bytes(38665984), in_bytes(1.5 * 2**30), in_bytes(512), in_bytes(None)
    ('24 KiB', '36.9 MiB', '1.5 GiB', '512 B', '–')
    """
    if value is None:
        return "–"
    for size, unit in SIZES:
        if value >= size:
            return f"{float(f'{value / size:.{digits}g}'):.15g} {unit}"
    return f"{round(value)} B"


def power(value: float, digits: int = 2) -> str:
    """A large number as a power of ten, as the figures' axes write it.

    >>> power(23456), power(1e6, 1), power(99.9)
    ('2.3·10⁴', '10⁶', '1.0·10²')
    """
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    ten = "10" + str(int(exponent)).translate(SUPERSCRIPTS)
    return ten if mantissa == "1" else f"{mantissa}·{ten}"


def finite(value: Any) -> Any:
    """A value as plain JSON: NumPy's scalars as Python's, and None for what is infinite or not a number.

    >>> finite({"error": float("inf"), 3: (1.5, float("nan"))})
    {'error': None, '3': [1.5, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def got_and_wanted(got: float, wanted: float, form: str = ".9g") -> str:
    """Two numbers that should be equal; their difference too, where they print alike.

    >>> got_and_wanted(0.5, 0.25), got_and_wanted(0.3, 0.1 + 0.2)
    ('got 0.5, wanted 0.25', 'got 0.3, wanted 0.3 (off by 5.55e-17)')
    """
    texts = f"{got:{form}}", f"{wanted:{form}}"
    off = f" (off by {abs(got - wanted):.3g})" if texts[0] == texts[1] and got != wanted else ""
    return f"got {texts[0]}, wanted {texts[1]}{off}"
