// The commit rule: which keys become final, and the cut of the tree behind them.
//
// Two ways, asked after every frame in this order:
//   - cut: a key is final after a fixed lag. All prefixes vote on the text up to then, each with its probability: what
//     they find likeliest together errs less often than what the best of them holds.
//   - commit_confident: a younger key is final if the posterior of the text up to it is high enough, which a label may
//     require to be higher than others.
// A posterior is the share of the prefixes in the beam, weighted by their probabilities, that hold the text.
#include "beam.hpp"

namespace emgtype {
namespace {

// Appends the first `count` keys to those that became final before.
void append(const Keys& keys, size_t count, Keys& final) {
    final.labels.insert(final.labels.end(), keys.labels.begin(), keys.labels.begin() + count);
    final.times.insert(final.times.end(), keys.times.begin(), keys.times.begin() + count);
    final.confidences.insert(final.confidences.end(), keys.confidences.begin(), keys.confidences.begin() + count);
}

} // namespace

// Makes the text up to `horizon` (s) final, adds it to `final`, and cuts the tree there.
//
// Prefixes without the winning keys are dropped. A prefix that holds more keys up to the horizon is dropped too, but only
// `patience` (s) later, because keys to come may speak for it. If it ranks above every prefix of the winning side it is
// dropped at once: so the best prefix never holds a key from before the horizon.
void Beam::cut(double horizon, double patience, Keys& final) {
    if (oldest_key_ > horizon) return;
    const int32_t before = arena_.root();
    const size_t count = nodes_.size();
    standing_.resize(count);
    for (size_t i = 0; i < count; ++i) {
        int32_t id = nodes_[i];
        while (id != before && arena_.time(id) > horizon) id = arena_[id].parent;
        standing_[i] = id;
    }
    const std::vector<double>& totals = this->totals();
    const int32_t root = vote(totals);
    double top = kImpossible;
    for (size_t i = 0; i < count; ++i) {
        if (standing_[i] == root) top = std::max(top, totals[i]);
    }
    const auto survives = [&](size_t i) {
        if (standing_[i] == root) return true;
        if (!(totals[i] < top)) return false;
        int32_t id = standing_[i];
        while (id != root && id != before && arena_.time(id) > horizon - patience) id = arena_[id].parent;
        return id == root;
    };
    if (root != before) {
        const Keys keys = keys_of(arena_.chain(root), totals);
        append(keys, keys.labels.size(), final);
    }
    survivors_.clear();
    for (size_t i = 0; i < count; ++i) {
        if (survives(i)) survivors_.push_back(i);
    }
    if (root == before && survivors_.size() == count) return;
    retain(root);
}

// Makes final the first keys of the best prefix, up to one whose time is after `newest` (s), or for which the posterior of
// the text up to it is less than its label requires. Adds them to `final`, and drops the prefixes without them.
void Beam::commit_confident(const double* required, double newest, Keys& final) {
    // Since the last time neither the posteriors have changed nor has a key grown old enough.
    if (revision_ == checked_revision_ && !(too_young_ <= newest)) return;
    checked_revision_ = revision_;
    too_young_ = kNever;
    if (arena_.oldest() > newest) {
        too_young_ = arena_.oldest();
        return;
    }
    const std::vector<double>& totals = this->totals();
    const std::vector<int32_t> chain = arena_.chain(nodes_[best_of(totals)]);
    const Keys keys = keys_of(chain, totals);
    size_t count = 0;
    while (count < chain.size() && keys.times[count] <= newest &&
           keys.confidences[count] >= required[keys.labels[count]]) {
        ++count;
    }
    if (count < chain.size() && keys.times[count] > newest) too_young_ = keys.times[count];
    if (count == 0) return;
    append(keys, count, final);
    const std::vector<int32_t> holds = arena_.first_on_path({chain[count - 1]}, nodes_);
    survivors_.clear();
    for (size_t i = 0; i < nodes_.size(); ++i) {
        if (holds[i] >= 0) survivors_.push_back(i);
    }
    retain(chain[count - 1]);
    checked_revision_ = revision_;
}

// Drops all prefixes but those at the positions survivors_, and makes `root` the root of the tree.
void Beam::retain(int32_t root) {
    const size_t count = nodes_.size();
    size_t kept = 0;
    for (size_t i = 0, next = 0; i < count; ++i) {
        if (next == survivors_.size() || survivors_[next] != i) {
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
    oldest_key_ = arena_.oldest();
    ++revision_;
}

// Returns the node, of those where prefixes stand at the horizon (standing_), that has most of their probability.
int32_t Beam::vote(const std::vector<double>& totals) {
    const auto unanimous = [&](int32_t id) { return id == standing_[0]; };
    if (std::all_of(standing_.begin(), standing_.end(), unanimous)) return standing_[0];
    const double best = totals[best_of(totals)];
    sides_.clear();
    votes_.clear();
    for (size_t i = 0; i < standing_.size(); ++i) {
        int32_t& side = arena_[standing_[i]].slot;
        if (side < 0) {
            side = static_cast<int32_t>(sides_.size());
            sides_.push_back(standing_[i]);
            votes_.push_back(0.0);
        }
        votes_[side] += std::exp(totals[i] - best);
    }
    for (int32_t id : sides_) arena_[id].slot = -1;
    return sides_[best_of(votes_)];
}

} // namespace emgtype
