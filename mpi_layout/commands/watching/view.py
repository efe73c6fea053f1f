"""What is shown of a campaign that is watched, and how keys change it."""

from dataclasses import dataclass, replace

PANELS = ("areas", "in flight", "ranks", "failures", "launches")
MEASURES = {"d": "share done", "b": "best AEP [GWh]", "w": "mean wake loss", "f": "failed"}
SORTS: dict[str, tuple[str, ...]] = {
    "areas": ("as in the campaign", "largest first", "smallest first", "by name"),
    "in flight": ("oldest first", "by config"),
    "ranks": (
        "by rank",
        "longest at it first",
        "longest silent first",
        "most configs first",
        "slowest first",
    ),
    "failures": ("latest first", "by config"),
    "launches": ("latest first", "oldest first"),
}
INTERVALS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)  # s

HELP = (
    ("q, Ctrl-C", "quit; the campaign goes on"),
    ("Tab, 1 ... 5", "next panel, or the one with the number"),
    ("d b w f", "areas: share done, best AEP, mean wake loss, failed"),
    ("s", "sort in another way"),
    ("arrows, j k", "scroll"),
    ("PgUp PgDn Home End", "scroll by pages, to the ends (also g, G)"),
    ("space", "pause: look no more, until space is pressed again"),
    ("r", "look now"),
    ("+ -", "look less often, more often"),
    ("h, ?", "this list; any key closes it"),
)
_FAR = 2**31


@dataclass(frozen=True)
class View:
    """What is shown.

    Attributes
    ----------
    interval : float
        Between two looks, s.
    panel, measure : str
        One of PANELS; what the table of areas shows, one of the values of MEASURES.
    sorts : tuple of int
        For each panel, which of its SORTS.
    top, left : int
        Rows, and steps to the side, that are scrolled away.
    paused, help : bool
        Whether no looks are taken, and whether the keys are explained.
    asked : bool
        Whether a look is to be taken at once.
    over : bool
        Whether to leave.
    """

    interval: float
    panel: str = PANELS[0]
    measure: str = MEASURES["d"]
    sorts: tuple[int, ...] = (0,) * len(PANELS)
    top: int = 0
    left: int = 0
    paused: bool = False
    help: bool = False
    asked: bool = False
    over: bool = False

    @property
    def sort(self) -> str:
        """How the panel is sorted."""
        return SORTS[self.panel][self.sorts[PANELS.index(self.panel)]]

    def within(self, most_top: int, most_left: int) -> "View":
        """Give the same, scrolled no further than there is something to see."""
        return replace(self, top=max(0, min(self.top, most_top)), left=max(0, min(self.left, most_left)))


def press(view: View, key: str, page: int) -> View:
    """Give what is shown after a key.

    Parameters
    ----------
    view : View
        Shown before.
    key : str
        From `keyboard.keys_in`.
    page : int
        Rows that fit on the screen.
    """
    if key in ("q", "Q"):
        return replace(view, over=True)
    if view.help:
        return replace(view, help=False)
    scrolled = {
        "up": view.top - 1, "k": view.top - 1, "down": view.top + 1, "j": view.top + 1,
        "page up": view.top - page, "page down": view.top + page,
        "home": 0, "g": 0, "end": _FAR, "G": _FAR,
    }  # fmt: skip
    if key in scrolled:
        return replace(view, top=max(0, scrolled[key]))
    if key in ("left", "right"):
        return replace(view, left=max(0, view.left + (-1 if key == "left" else 1)))
    if key in ("tab", "back tab") or key in "12345":
        return _turn(view, key)
    if key in MEASURES:
        return replace(view, panel="areas", measure=MEASURES[key])
    if key in ("+", "=", "-", "_"):
        return replace(view, interval=_step(view.interval, longer=key in "+="))
    if key == " ":
        return replace(view, paused=not view.paused, asked=view.paused)
    changes = {
        "h": {"help": True},
        "?": {"help": True},
        "r": {"asked": True},
        "s": {"sorts": _next_sort(view), "top": 0},
    }
    return replace(view, **changes.get(key, {}))  # type: ignore[arg-type]


def _turn(view: View, key: str) -> View:
    number = PANELS.index(view.panel) + {"tab": 1, "back tab": -1}.get(key, 0)
    number = int(key) - 1 if key.isdigit() else number % len(PANELS)
    return replace(view, panel=PANELS[number], top=0, left=0)


def _step(interval: float, *, longer: bool) -> float:
    others = [i for i in INTERVALS if (i > interval if longer else i < interval)]
    return (min(others) if longer else max(others)) if others else interval


def _next_sort(view: View) -> tuple[int, ...]:
    panel = PANELS.index(view.panel)
    sorts = list(view.sorts)
    sorts[panel] = (sorts[panel] + 1) % len(SORTS[view.panel])
    return tuple(sorts)
