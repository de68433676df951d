// The commit rule: what the prefixes in the beam say about the text up to a time, and the cut of the tree there.
#include "beam.hpp"

namespace emgtype {
namespace {

// The first `count` keys, behind those that became final before.
void append(const Keys& keys, size_t count, Keys& final) {
    final.labels.insert(final.labels.end(), keys.labels.begin(), keys.labels.begin() + count);
    final.times.insert(final.times.end(), keys.times.begin(), keys.times.begin() + count);
    final.confidences.insert(final.confidences.end(), keys.confidences.begin(), keys.confidences.begin() + count);
}

} // namespace

// Make the text up to `horizon` (s) final, and cut the tree there. Every prefix has a vote, its probability, for the keys
// that it holds up to then: what all prefixes together find likeliest errs less often than what the best of them holds.
// Prefixes without these keys are dropped; those that hold more up to then too, but `patience` later, for keys to come
// may speak for them. One that ranks above all of the winning side has lost and goes at once: so the best prefix never
// holds a key from before the horizon. What became final is added to `final`.
void Beam::cut(double horizon, double patience, Keys& final) {
    if (oldest_ > horizon) return; // no prefix has a key that old
    const int32_t before = arena_.root();
    const size_t count = nodes_.size();
    at_.resize(count);
    for (size_t i = 0; i < count; ++i) {
        int32_t id = nodes_[i];
        while (id != before && arena_.time(id) > horizon) id = arena_[id].parent;
        at_[i] = id;
    }
    const std::vector<double>& totals = this->totals();
    const int32_t root = vote(totals);
    double top = kImpossible;
    for (size_t i = 0; i < count; ++i) {
        if (at_[i] == root) top = std::max(top, totals[i]);
    }
    const auto stays = [&](size_t i) {
        if (at_[i] == root) return true;
        if (!(totals[i] < top)) return false;
        int32_t id = at_[i];
        while (id != root && id != before && arena_.time(id) > horizon - patience) id = arena_[id].parent;
        return id == root;
    };
    if (root != before) {
        const Keys keys = keys_of(arena_.chain(root), totals);
        append(keys, keys.labels.size(), final);
    }
    stays_.clear();
    for (size_t i = 0; i < count; ++i) {
        if (stays(i)) stays_.push_back(i);
    }
    if (root == before && stays_.size() == count) return;
    retain(root);
}

// Make final the first keys of the best prefix that are as sure as their labels want: whose posterior, among all
// prefixes, of the text up to them is at least `wanted`; none that is younger than `newest` (s). What became final is
// added to `final`; prefixes without it are dropped.
void Beam::settle(const double* wanted, double newest, Keys& final) {
    if (revision_ == settled_ && !(of_age_ <= newest)) return; // neither what they say nor who is asked has changed
    settled_ = revision_;
    of_age_ = kNever;
    if (arena_.oldest() > newest) {
        of_age_ = arena_.oldest();
        return;
    }
    const std::vector<double>& totals = this->totals();
    const std::vector<int32_t> chain = arena_.chain(nodes_[best_of(totals)]);
    const Keys keys = keys_of(chain, totals);
    size_t count = 0;
    while (count < chain.size() && keys.times[count] <= newest && keys.confidences[count] >= wanted[keys.labels[count]]) {
        ++count;
    }
    if (count < chain.size() && keys.times[count] > newest) of_age_ = keys.times[count];
    if (count == 0) return;
    append(keys, count, final);
    const std::vector<int32_t> through = arena_.through({chain[count - 1]}, nodes_);
    stays_.clear();
    for (size_t i = 0; i < nodes_.size(); ++i) {
        if (through[i] >= 0) stays_.push_back(i);
    }
    retain(chain[count - 1]);
    settled_ = revision_;
}

// Drop all prefixes but those at the positions stays_, and plant the tree anew.
void Beam::retain(int32_t root) {
    const size_t count = nodes_.size();
    size_t kept = 0;
    for (size_t i = 0, next = 0; i < count; ++i) {
        if (next == stays_.size() || stays_[next] != i) {
            arena_.release(nodes_[i]);
            continue;
        }
        ++next;
        nodes_[kept] = nodes_[i];
        in_blank_[kept] = in_blank_[i];
        in_key_[kept] = in_key_[i];
        acoustic_[kept] = acoustic_[i];
        end_[kept++] = end_[i];
    }
    nodes_.resize(kept);
    for (std::vector<double>* column : {&in_blank_, &in_key_, &acoustic_, &end_}) column->resize(kept);
    if (root != arena_.root()) arena_.plant(root, kUndoDepth);
    oldest_ = arena_.oldest();
    ++revision_;
}

// Of the nodes where prefixes stand (at_) the one that those standing there make likeliest.
int32_t Beam::vote(const std::vector<double>& totals) {
    if (std::all_of(at_.begin(), at_.end(), [&](int32_t id) { return id == at_[0]; })) return at_[0];
    const double best = totals[best_of(totals)];
    sides_.clear();
    mass_.clear();
    for (size_t i = 0; i < at_.size(); ++i) {
        int32_t& side = arena_[at_[i]].slot;
        if (side < 0) {
            side = static_cast<int32_t>(sides_.size());
            sides_.push_back(at_[i]);
            mass_.push_back(0.0);
        }
        mass_[side] += std::exp(totals[i] - best);
    }
    for (int32_t id : sides_) arena_[id].slot = -1;
    return sides_[best_of(mass_)];
}

} // namespace emgtype
