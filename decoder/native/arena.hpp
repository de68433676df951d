// Prefixes as integers: a tree of keys with parent links, and within it the path that the language model sees.
//
// A node is alive while something refers to it: a child, or a holder (the beam, the cut). What dies is reused at once,
// so memory is bounded by what is alive.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace emgtype {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kImpossible = -std::numeric_limits<double>::infinity();

struct Node {
    int32_t label;          // the blank for the node without a key
    int32_t parent;         // kNowhere for a root
    int32_t path;           // top of the LM path: the last key that the LM sees (a backspace steps back)
    int32_t below;          // of a node on an LM path: the one under it
    int32_t state;          // of a node on an LM path: LM state after it
    int32_t hot;            // of a node on an LM path: hot words' state after it
    int32_t references;     // children and holders
    int32_t child, sibling; // first child, next child of the same parent
    int32_t slot;           // scratch of the beam: position in it; -1 between frames
    double lm;              // of a node on an LM path: weighted LM total and hot words up to it, nats
    double paid;            // nats for the keys up to it that are on no path: those no backspace gives back
};

class Arena {
public:
    static constexpr int32_t kNowhere = 0; // parent of a root: a node that is never in a beam
    static constexpr int32_t kBottom = 1;  // where the LM's path begins: no key, the start state

    explicit Arena(int32_t blank) : blank_(blank) {
        enlarge(1024);
        free_.pop_back(); // kNowhere
        free_.pop_back(); // kBottom
        nodes_[kBottom].references = 2; // for ever, and as the root
    }

    Node& operator[](int32_t id) { return nodes_[id]; }
    const Node& operator[](int32_t id) const { return nodes_[id]; }
    double& time(int32_t id) { return times_[id]; }
    double time(int32_t id) const { return times_[id]; }
    int32_t root() const { return root_; }
    size_t alive() const { return nodes_.size() - free_.size() - 1; }
    size_t size() const { return nodes_.size(); }

    // The node for one more key, made where there is none, held once more.
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

    // No longer held; without a holder or a child it dies, and so on up the tree.
    void release(int32_t id) {
        while (id != kNowhere && --nodes_[id].references == 0) {
            const int32_t parent = nodes_[id].parent;
            unlink(id);
            times_[id] = kNever;
            free_.push_back(id);
            id = parent;
        }
    }

    // Make a node the root, held until the next one is; what lies before it dies. The last `depth` keys that the LM
    // sees there stay for it to step back to; the next one becomes the bottom, where only the hot words know the past.
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

    // Nodes from right behind the root down to `id`.
    std::vector<int32_t> chain(int32_t id) const {
        std::vector<int32_t> ids;
        for (; id != root_; id = nodes_[id].parent) ids.push_back(id);
        std::reverse(ids.begin(), ids.end());
        return ids;
    }

    // Seconds per key of a chain: never later than the one behind it, whatever each by itself looks like.
    std::vector<double> times(const std::vector<int32_t>& chain) const {
        std::vector<double> seconds(chain.size());
        double latest = kNever;
        for (size_t i = chain.size(); i-- > 0;) seconds[i] = latest = std::min(latest, times_[chain[i]]);
        return seconds;
    }

    // Seconds: time of the oldest key behind the root; infinite where there is none.
    double oldest() const { return *std::min_element(times_.begin(), times_.end()); }

    // For each of `ends` the position in `marked` of the first that lies on its way to the root; -1: none.
    std::vector<int32_t> through(const std::vector<int32_t>& marked, const std::vector<int32_t>& ends) {
        std::vector<int32_t> found(ends.size(), -1);
        for (size_t i = 0; i < marked.size(); ++i) nodes_[marked[i]].slot = static_cast<int32_t>(i);
        for (size_t i = 0; i < ends.size(); ++i) {
            int32_t id = ends[i];
            while (nodes_[id].slot < 0 && id != root_) id = nodes_[id].parent;
            found[i] = nodes_[id].slot;
        }
        for (int32_t id : marked) nodes_[id].slot = -1;
        return found;
    }

    // Calls `visit` with all that changes, in order: to be copied, or to be written over.
    template <typename Visit> void state(Visit&& visit) {
        visit(nodes_);
        visit(times_);
        visit(free_);
        visit(pinned_);
        visit(root_);
    }

    // Whether this is a tree as it would have grown here: `states` and `hot` are how many states the LM and the hot words
    // have, `held` what the beam holds.
    bool sound(int32_t states, int32_t hot, const std::vector<int32_t>& held) const {
        const auto within = [](int32_t value, size_t size) { return value >= 0 && static_cast<size_t>(value) < size; };
        const auto node = [&](int32_t id) { return within(id, nodes_.size()); };
        const auto nodes = [&](const std::vector<int32_t>& ids) { return std::all_of(ids.begin(), ids.end(), node); };
        return nodes_.size() > kBottom && times_.size() == nodes_.size() && node(root_) && !pinned_.empty() &&
               nodes(free_) && nodes(pinned_) && nodes(held) &&
               std::all_of(nodes_.begin(), nodes_.end(), [&](const Node& n) {
                   return n.label >= 0 && n.label <= blank_ && node(n.parent) && node(n.path) && node(n.below) &&
                          node(n.child) && node(n.sibling) && within(n.state, states) && within(n.hot, hot) &&
                          n.slot == -1;
               }) && counted(held) && linked(held);
    }

private:
    // Whether everybody is referred to as often as they think, and those who are not are free.
    bool counted(const std::vector<int32_t>& held) const {
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
        for (int32_t id : free_) unused -= --count[id] == -1; // each once
        return unused == 0;
    }

    // Whether children and parents know each other, and what is held hangs on the root.
    bool linked(const std::vector<int32_t>& held) const {
        size_t children = 0, found = 0;
        for (size_t id = kBottom; id < nodes_.size(); ++id) {
            children += nodes_[id].parent != kNowhere;
            for (int32_t child = nodes_[id].child; child != kNowhere; child = nodes_[child].sibling) {
                if (nodes_[child].parent != static_cast<int32_t>(id) || ++found > nodes_.size()) return false;
            }
        }
        return children == found && std::all_of(held.begin(), held.end(), [&](int32_t id) {
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
    std::vector<double> times_; // seconds: when each key was most likely emitted; a column, for it is searched whole
    std::vector<int32_t> free_;
    std::vector<int32_t> pinned_{kBottom};
    int32_t root_ = kBottom;
};

} // namespace emgtype
