"""Prefixes as integers: a tree of keys with parent links, and within it the path that the language model sees.

A node is alive while something refers to it: a child, or a holder (the beam, the cut). What dies is reused at once, so
memory is bounded by what is alive.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

NOWHERE = 0
"""Parent of a root: a node that is never in a beam."""
BOTTOM = 1
"""Where the language model's path begins: a key sequence without keys, state `<s>`."""
_COLUMNS = ("label", "parent", "path", "below", "lm", "state", "time", "slot")


class Arena:
    """Columns of node facts, by node id."""

    def __init__(self, blank: int) -> None:
        """`blank` stands as the label of the node without a key."""
        size = 1024
        self.label = np.full(size, blank, np.intp)
        self.parent = np.full(size, NOWHERE, np.int32)
        self.path = np.full(size, BOTTOM, np.int32)
        """Top of the LM path: the node of the last key that the LM sees (⌫ steps back, silent keys stay)."""
        self.below = np.full(size, BOTTOM, np.int32)
        """Of a node on an LM path: the one under it."""
        self.lm = np.zeros(size)
        """Of a node on an LM path: weighted LM total up to it, nats. Those of whole days still leave 1e-8."""
        self.state = np.zeros(size, np.int32)
        """Of a node on an LM path: LM state after it."""
        self.time = np.full(size, np.inf)
        """Seconds: the frame in which the key was most likely emitted; inf for what is no key behind the root."""
        self.slot = np.full(size, -1, np.int32)
        """Scratch of the beam: position in it; -1 between frames."""
        self._references = [0] * size
        self._children: dict[int, int] = {}
        self._classes = blank + 1
        self._free = list(range(size - 1, BOTTOM, -1))
        self._references[BOTTOM] = 2  # for ever, and as the root
        self.root = BOTTOM
        """The node that all prefixes go on from."""
        self._pinned = [BOTTOM]

    def __len__(self) -> int:
        """Nodes alive."""
        return len(self.label) - len(self._free) - 1

    def alive(self) -> list[int]:
        """Ids of the nodes alive."""
        return [node for node, count in enumerate(self._references) if count]

    def children(self, parents: Sequence[int], labels: Sequence[int]) -> list[int]:
        """The nodes for one more key each, made where there are none, each held once more."""
        nodes = []
        for parent, label in zip(parents, labels, strict=True):
            node = self._children.get(parent * self._classes + label)
            if node is None:
                if not self._free:
                    self._grow()
                node = self._free.pop()
                self._children[parent * self._classes + label] = node
                self._references[parent] += 1
                self.parent[node] = parent
                self.label[node] = label
            self._references[node] += 1
            nodes.append(node)
        return nodes

    def hold(self, nodes: Iterable[int]) -> None:
        """Keep these alive."""
        for node in nodes:
            self._references[node] += 1

    def release(self, nodes: Iterable[int]) -> None:
        """No longer; whoever then is without a holder or a child dies, and so on up the tree."""
        for node in nodes:
            current = node
            while current != NOWHERE:
                self._references[current] -= 1
                if self._references[current]:
                    break
                current = self._bury(current)

    def plant(self, root: int, depth: int) -> None:
        """Make a node the root, held until the next one is; what lies before it dies.

        The last `depth` keys that the LM sees there stay for it to step back to; the next one becomes the bottom.
        """
        pinned = [root]
        current = int(self.path[root])
        while current != BOTTOM and len(pinned) <= depth:
            pinned.append(current)
            current = int(self.below[current])
        if current != BOTTOM:
            self.lm[BOTTOM] = self.lm[current]
            self.below[pinned[-1]] = BOTTOM
        self.hold(pinned)
        for node in pinned:
            self._detach(node)
        self.release(self._pinned)
        self.time[pinned] = np.inf
        self._pinned, self.root = pinned, root

    def chain(self, node: int) -> list[int]:
        """Nodes from right behind the root down to `node`."""
        nodes = []
        while node != self.root:
            nodes.append(node)
            node = int(self.parent[node])
        return nodes[::-1]

    def older_than(self, horizon: float) -> npt.NDArray[np.intp]:
        """Nodes behind the root whose key is as old as `horizon` (s) or older."""
        return np.flatnonzero((self.time <= horizon) & (self.time < np.inf))

    def oldest(self) -> float:
        """Seconds: time of the oldest key behind the root; inf where there is none."""
        return float(self.time.min())

    def times(self, chain: Sequence[int]) -> npt.NDArray[np.float64]:
        """Seconds per key: never later than the one behind it, whatever each by itself looks like."""
        times: npt.NDArray[np.float64] = np.minimum.accumulate(self.time[list(chain)][::-1])[::-1]
        return times

    def through(self, marked: Sequence[int] | npt.NDArray[np.intp], ends: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """For each of `ends` the position in `marked` of the first that lies on its way to the root; -1: none."""
        mark = self.slot
        mark[self.root] = len(marked)
        mark[marked] = np.arange(len(marked))
        current = ends
        while ((found := mark[current]) < 0).any():
            current = np.where(found < 0, self.parent[current], current)
        mark[self.root] = -1
        mark[marked] = -1
        return np.where(found < len(marked), found, -1)

    def _detach(self, node: int) -> None:
        parent = int(self.parent[node])
        if parent != NOWHERE:
            del self._children[parent * self._classes + int(self.label[node])]
            self.parent[node] = NOWHERE
            self.release([parent])

    def _bury(self, node: int) -> int:
        parent = int(self.parent[node])
        if parent != NOWHERE:
            del self._children[parent * self._classes + int(self.label[node])]
            self.parent[node] = NOWHERE
        self.time[node] = np.inf
        self._free.append(node)
        return parent

    def _grow(self) -> None:
        size = len(self.label)
        for name in _COLUMNS:
            column = getattr(self, name)
            unused = np.full_like(column, np.inf if name == "time" else -1)
            setattr(self, name, np.concatenate([column, unused]))
        self._references += [0] * size
        self._free = list(range(2 * size - 1, size - 1, -1))
