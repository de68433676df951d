// Prefixes as integers: a tree of keys with parent links, and within it the path that the language model sees.
//
// A node is alive while something refers to it: a child, or a holder (the beam, the cut). A dead node is reused at once,
// so memory is bounded by the nodes that are alive.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace emgtype {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kImpossible = -std::numeric_limits<double>::infinity();

// A prefix. "On the path" means that the language model sees the key: ⌫ and silent keys are on no path.
struct Node {
    int32_t label;          // the blank for the node without a key
    int32_t parent;         // kNowhere for a root
    int32_t path;           // top of the path: the last key that the language model sees (a backspace steps back)
    int32_t below;          // on the path: the key before
    int32_t state;          // on the path: state of the language model after the key
    int32_t hot;            // on the path: state of the hot words after the key
    int32_t references;     // children and holders
    int32_t child, sibling; // first child, next child of the same parent
    int32_t slot;           // scratch of the beam: position in it; -1 between frames
    double lm;              // on the path: nats of the language model, weighted, and of the hot words up to the key
    double paid;            // nats of the keys up to here that are on no path: no backspace gives them back
};

class Arena {
public:
    static constexpr int32_t kNowhere = 0; // parent of a root: a node that is never in a beam
    static constexpr int32_t kBottom = 1;  // where the path begins: no key, the start state

    explicit Arena(int32_t blank) : blank_(blank) {
        enlarge(1024);
        // kNowhere and kBottom.
        free_.pop_back();
        free_.pop_back();
        // One for ever, and one as the root.
        nodes_[kBottom].references = 2;
    }

    Node& operator[](int32_t id) { return nodes_[id]; }
    const Node& operator[](int32_t id) const { return nodes_[id]; }
    double& time(int32_t id) { return times_[id]; }
    double time(int32_t id) const { return times_[id]; }
    int32_t root() const { return root_; }
    size_t alive() const { return nodes_.size() - free_.size() - 1; }
    size_t size() const { return nodes_.size(); }

    // Returns the node of a prefix with one more key, made if there is none, and holds it once more.
    int32_t grow(int32_t parent, int32_t label) {
        int32_t id = nodes_[parent].child;
        while (id != kNowhere && nodes_[id].label != label) id = nodes_[id].sibling;
        if (id == kNowhere) {
            if (free_.empty()) enlarge(2 * nodes_.size());
            id = free_.back();
            free_.pop_back();
            Node& node = nodes_[id];
            node.label = label;
            node.parent = parent;
            node.sibling = nodes_[parent].child;
            nodes_[parent].child = id;
            ++nodes_[parent].references;
        }
        ++nodes_[id].references;
        return id;
    }

    void hold(int32_t id) { ++nodes_[id].references; }

    // Ends one hold. Without a holder or a child the node dies, and so on up the tree.
    void release(int32_t id) {
        while (id != kNowhere && --nodes_[id].references == 0) {
            const int32_t parent = nodes_[id].parent;
            unlink(id);
            times_[id] = kNever;
            free_.push_back(id);
            id = parent;
        }
    }

    // Makes a node the root, held until the next one is; the nodes before it die. The last `depth` keys of its path stay,
    // for the language model to step back to. The one before them becomes the bottom, where only the hot words know
    // the past.
    void plant(int32_t root, size_t depth) {
        std::vector<int32_t> pinned{root};
        int32_t current = nodes_[root].path;
        for (; current != kBottom && pinned.size() <= depth; current = nodes_[current].below) pinned.push_back(current);
        if (current != kBottom) {
            nodes_[kBottom].lm = nodes_[current].lm;
            nodes_[kBottom].hot = nodes_[current].hot;
            nodes_[pinned.back()].below = kBottom;
        }
        for (int32_t id : pinned) hold(id);
        for (int32_t id : pinned) {
            if (const int32_t parent = nodes_[id].parent; parent != kNowhere) {
                unlink(id);
                release(parent);
            }
        }
        for (int32_t id : pinned_) release(id);
        for (int32_t id : pinned) times_[id] = kNever;
        pinned_.swap(pinned);
        root_ = root;
    }

    // Returns the nodes from right behind the root down to `id`.
    std::vector<int32_t> chain(int32_t id) const {
        std::vector<int32_t> ids;
        for (; id != root_; id = nodes_[id].parent) ids.push_back(id);
        std::reverse(ids.begin(), ids.end());
        return ids;
    }

    // Returns the time (s) of each key of a chain: its own, but never later than that of the key behind it.
    std::vector<double> times(const std::vector<int32_t>& chain) const {
        std::vector<double> seconds(chain.size());
        double latest = kNever;
        for (size_t i = chain.size(); i-- > 0;) seconds[i] = latest = std::min(latest, times_[chain[i]]);
        return seconds;
    }

    // Returns the time (s) of the oldest key behind the root; infinity if there is none.
    double oldest() const { return *std::min_element(times_.begin(), times_.end()); }

    // Returns for each of `ends` the position in `marked` of the first node on its way to the root; -1: there is none.
    std::vector<int32_t> first_on_path(const std::vector<int32_t>& marked, const std::vector<int32_t>& ends) {
        std::vector<int32_t> positions(ends.size(), -1);
        for (size_t i = 0; i < marked.size(); ++i) nodes_[marked[i]].slot = static_cast<int32_t>(i);
        for (size_t i = 0; i < ends.size(); ++i) {
            int32_t id = ends[i];
            while (nodes_[id].slot < 0 && id != root_) id = nodes_[id].parent;
            positions[i] = nodes_[id].slot;
        }
        for (int32_t id : marked) nodes_[id].slot = -1;
        return positions;
    }

    // Calls `visit` with everything that changes, in order, to copy it or to write over it.
    template <typename Visit> void state(Visit&& visit) {
        visit(nodes_);
        visit(times_);
        visit(free_);
        visit(pinned_);
        visit(root_);
    }

    // Whether this is a tree as it would have grown here, if the language model and the hot words have so many states and
    // the beam holds the nodes `held`.
    bool is_consistent(int32_t states, int32_t hot, const std::vector<int32_t>& held) const {
        const auto within = [](int32_t value, size_t size) { return value >= 0 && static_cast<size_t>(value) < size; };
        const auto node = [&](int32_t id) { return within(id, nodes_.size()); };
        const auto nodes = [&](const std::vector<int32_t>& ids) { return std::all_of(ids.begin(), ids.end(), node); };
        return nodes_.size() > kBottom && times_.size() == nodes_.size() && node(root_) && !pinned_.empty() &&
               nodes(free_) && nodes(pinned_) && nodes(held) &&
               std::all_of(nodes_.begin(), nodes_.end(), [&](const Node& n) {
                   return n.label >= 0 && n.label <= blank_ && node(n.parent) && node(n.path) && node(n.below) &&
                          node(n.child) && node(n.sibling) && within(n.state, states) && within(n.hot, hot) &&
                          n.slot == -1;
               }) && references_are_right(held) && links_are_right(held);
    }

private:
    // Whether each node is referred to as often as it says, and the free nodes are those without a reference.
    bool references_are_right(const std::vector<int32_t>& held) const {
        std::vector<int32_t> count(nodes_.size(), 0);
        ++count[kBottom];
        for (int32_t id : held) ++count[id];
        for (int32_t id : pinned_) ++count[id];
        size_t unused = 0;
        for (size_t id = kBottom; id < nodes_.size(); ++id) {
            if (nodes_[id].parent != kNowhere) ++count[nodes_[id].parent];
        }
        for (size_t id = kBottom; id < nodes_.size(); ++id) {
            if (count[id] != nodes_[id].references) return false;
            unused += count[id] == 0;
        }
        // Each free node must be listed once.
        for (int32_t id : free_) unused -= --count[id] == -1;
        return unused == 0;
    }

    // Whether children and parents know each other, and the held nodes descend from the root.
    bool links_are_right(const std::vector<int32_t>& held) const {
        size_t children = 0, linked = 0;
        for (size_t id = kBottom; id < nodes_.size(); ++id) {
            children += nodes_[id].parent != kNowhere;
            for (int32_t child = nodes_[id].child; child != kNowhere; child = nodes_[child].sibling) {
                if (nodes_[child].parent != static_cast<int32_t>(id) || ++linked > nodes_.size()) return false;
            }
        }
        return children == linked && std::all_of(held.begin(), held.end(), [&](int32_t id) {
            for (size_t steps = 0; id != root_; id = nodes_[id].parent) {
                if (id == kNowhere || ++steps > nodes_.size()) return false;
            }
            return true;
        });
    }

    void unlink(int32_t id) {
        Node& node = nodes_[id];
        if (node.parent == kNowhere) return;
        int32_t* link = &nodes_[node.parent].child;
        while (*link != id) link = &nodes_[*link].sibling;
        *link = node.sibling;
        node.parent = kNowhere;
    }

    void enlarge(size_t size) {
        const size_t before = nodes_.size();
        nodes_.resize(size, Node{blank_, kNowhere, kBottom, kBottom, 0, 0, 0, kNowhere, kNowhere, -1, 0.0, 0.0});
        times_.resize(size, kNever);
        for (size_t id = size; id-- > before;) free_.push_back(static_cast<int32_t>(id));
    }

    int32_t blank_;
    std::vector<Node> nodes_;
    // Seconds: when each key was most likely emitted. A column of its own, because it is searched as a whole.
    std::vector<double> times_;
    std::vector<int32_t> free_;
    std::vector<int32_t> pinned_{kBottom};
    int32_t root_ = kBottom;
};

} // namespace emgtype
