"""In which order do a series' channels come? As in the recordings that are known already, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from rl_tsad.data.role_agreement import aligned
from rl_tsad.data.understanding import Reading
from rl_tsad.errors import DataError, listed
from rl_tsad.types import Series

Orders = Mapping[str, tuple[str, ...]]
"""Channel names of the series that are known already, in their order, by the series' name."""


def known_order(series: Series, known: Orders) -> tuple[str, ...] | None:
    """Find the order in which channels of these names are known: in the series of the same name, else in the first.

    Example:
        >>> s = Series("today", np.zeros((2, 2), np.float32), np.arange(2), ("temp", "flow"))
        >>> known_order(s, {"pump": ("flow", "temp")}), known_order(s, {"fan": ("speed", "load")})
        (('flow', 'temp'), None)
    """
    orders = [known[series.name]] if series.name in known else known.values()
    return next((order for order in orders if sorted(order) == sorted(series.channels)), None)


def reordered(series: Series, order: tuple[str, ...]) -> Series:
    """Put a series' channels, with values and roles, in the order of their names.

    Example:
        >>> s = Series("a", np.array([[1, 2]], np.float32), np.arange(1), ("temp", "flow"))
        >>> reordered(s, ("flow", "temp")).values.tolist()
        [[2.0, 1.0]]
    """
    if series.channels == order:
        return series
    roles = None if series.exogenous is None else series.exogenous[[series.channels.index(name) for name in order]]
    values = np.ascontiguousarray(aligned(series.values, series.channels, order))
    return replace(series, values=values, channels=order, exogenous=roles)


def in_one_order(readings: Sequence[Reading], known: Orders) -> list[Reading]:
    """Put channels of the same names in one order: that of the known series of that name, else the first one's.

    Args:
        readings: what was read, in the order of reading.
        known: orders to keep to; the readings' own follow them.
    """
    orders = dict(known)
    ordered = []
    for reading in readings:
        series, understood = reading.series, reading.understanding
        order = known_order(series, orders) or series.channels
        orders.setdefault(series.name, order)
        if order != series.channels:
            notes = (*understood.notes, "channels put in the order of the other series")
            reading = Reading(reordered(series, order), replace(understood, channels=order, notes=notes))
        ordered.append(reading)
    return ordered


def in_trained_order(series: Series, trained: Orders, notes: Sequence[str] = ()) -> Series:
    """Put a series' channels in the order of the training, by name.

    A single channel may be called anything. So may those of a new series where the trained series differ in their
    names too: there a name means nothing beyond its own series.

    Args:
        series: what is to be scored.
        trained: at least one series.
        notes: what the reader said of columns; those about missing channels are repeated in the error.

    Raises:
        DataError: when the channels are not those of the training; names the missing and the unknown ones.

    Example:
        >>> s = Series("today", np.zeros((2, 2), np.float32), np.arange(2), ("temp", "Flow"))
        >>> in_trained_order(s, {"pump": ("flow", "temp")})
        Traceback (most recent call last):
        rl_tsad.errors.DataError: series 'today': expected 2 channels as in training, got 2: lacks 'flow', unknown \
is 'Flow'; rename the columns as in training, or choose them with --value
    """
    order = known_order(series, trained)
    if order is not None:
        return reordered(series, order)
    wanted = trained.get(series.name) or next(iter(trained.values()))
    is_free = series.name not in trained and len({frozenset(names) for names in trained.values()}) > 1
    if series.width == len(wanted) and (series.width == 1 or is_free):
        return series
    missing = [name for name in wanted if name not in series.channels]
    unknown = [name for name in series.channels if name not in wanted]
    told = (("lacks", missing), ("unknown is", unknown))
    why = [f"{what} {listed([repr(name) for name in names])}" for what, names in told if names]
    said = "; ".join(note for note in notes if any(f"column {name!r}" in note for name in missing))
    raise DataError(
        f"series {series.name!r}: expected {len(wanted)} channels as in training, got {series.width}: "
        f"{', '.join(why)}{f' ({said})' if said else ''}; "
        "rename the columns as in training, or choose them with --value"
    )
