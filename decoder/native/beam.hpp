// CTC prefix beam search with a language model that understands backspaces.
//
// Prefix search: Graves et al., ICML 2006, and Hannun et al., arXiv 1408.2873; n-gram shallow fusion and the treatment of
// backspaces after emg2qwerty's reference decoder (Sivakumar et al. 2024). Per prefix the log-probability of all
// alignments that end in a blank and of those that end in its last key; prefixes reached in several ways merge.
#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <numeric>
#include <vector>

#include "arena.hpp"
#include "hot_words.hpp"
#include "language_model.hpp"

namespace emgtype {

constexpr size_t kUndoDepth = 64; // final keys whose LM states stay; a backspace deeper falls back to the start state

struct Settings {
    int32_t beam, labels;
    double threshold, floor;
};

struct Keys { // of a hypothesis, oldest first
    std::vector<int32_t> labels;
    std::vector<double> times, confidences;
};

struct Hypothesis {
    std::vector<int32_t> labels;
    std::vector<double> times;
    double acoustic, lm;
};

inline double log_add(double a, double b) {
    const double most = std::max(a, b), less = std::min(a, b) - most;
    return less > -37.0 ? most + std::log1p(std::exp(less)) : most; // beyond, the sum rounds to the larger one
}

class Beam {
public:
    // `free` marks the labels that leave the LM's state alone; `backspace` takes it back, and is -1 where there is none.
    // These cost their `prices`, nats, which nothing gives back. `most`: nats that the LM gives any other at most.
    // `hot`: hot words among the others; null: none.
    Beam(Settings settings, std::shared_ptr<LanguageModel> lm, std::vector<double> most, std::vector<bool> free,
         std::vector<double> prices, int32_t backspace, std::shared_ptr<const HotWords> hot)
        : settings_(settings), lm_(std::move(lm)), hot_(std::move(hot)), most_(std::move(most)), prices_(std::move(prices)),
          blank_(static_cast<int32_t>(free.size())), backspace_(backspace), arena_(blank_) {
        for (int32_t label = 0; label < blank_; ++label) scored_.push_back(!free[label] && label != backspace);
        scored_.push_back(false);
        reset();
    }

    int32_t classes() const { return blank_ + 1; }
    size_t size() const { return arena_.alive(); }
    uint64_t revision() const { return revision_; } // another one: the ranking or its keys may be others

    void reset() {
        arena_ = Arena(blank_);
        arena_.hold(Arena::kBottom);
        nodes_ = {Arena::kBottom};
        in_blank_ = {0.0}; // relative to offset_, so that days of frames do not eat the precision
        in_key_ = {kImpossible};
        acoustic_ = {0.0};
        end_ = {0.0};
        ended_ = false;
        offset_ = 0.0;
        oldest_ = kNever;
        column_.assign(classes(), -1);
        ++revision_;
    }

    // One frame of natural-log probabilities (classes,).
    void push(const float* row, double time) {
        row_.assign(row, row + classes());
        const double loudest = *std::max_element(row_.begin(), row_.end() - 1);
        if (loudest <= settings_.floor && row_[blank_] > settings_.floor) {
            rest(row_[blank_]);
        } else {
            step(time);
        }
    }

    // The text ends here: rank with what the LM says to that. A further push takes it back.
    void finish() {
        std::vector<int32_t> states;
        for (int32_t id : nodes_) states.push_back(arena_[arena_[id].path].state);
        lm_->end(states, end_.data());
        for (size_t i = 0; hot_ && i < nodes_.size(); ++i) end_[i] += hot_->end(arena_[arena_[nodes_[i]].path].hot);
        ended_ = true;
        ++revision_;
    }

    // Labels of the best prefix.
    std::vector<int32_t> best() { return labels(arena_.chain(nodes_[best_of(totals())])); }

    // Keys of the best prefix; confidence: posterior, among the beam's prefixes, of the text up to that key.
    Keys keys() {
        const std::vector<double>& totals = this->totals();
        return keys_of(arena_.chain(nodes_[best_of(totals)]), totals);
    }

    // The first `count` of the ranking, best first.
    std::vector<Hypothesis> ranked(size_t count) {
        const std::vector<double>& totals = this->totals();
        std::vector<size_t> order(totals.size());
        std::iota(order.begin(), order.end(), size_t{0});
        std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return totals[a] > totals[b]; });
        std::vector<Hypothesis> found;
        for (size_t i : order) {
            if (found.size() == count) break;
            const std::vector<int32_t> chain = arena_.chain(nodes_[i]);
            found.push_back({labels(chain), arena_.times(chain), acoustic_[i] + offset_, language(nodes_[i]) + end_[i]});
        }
        return found;
    }

    void cut(double horizon, double patience, Keys& final);
    void settle(const double* wanted, double newest, Keys& final);

    // As Arena's, and so for what is in the beam.
    template <typename Visit> void state(Visit&& visit) {
        arena_.state(visit);
        visit(nodes_);
        for (std::vector<double>* each : {&in_blank_, &in_key_, &acoustic_, &end_}) visit(*each);
        visit(ended_);
        visit(revision_);
        visit(settled_);
        for (double* each : {&of_age_, &offset_, &oldest_}) visit(*each);
    }

    bool sound() const {
        const auto each = [&](const std::vector<double>& values) { return values.size() == nodes_.size(); };
        return arena_.sound(lm_->states(), hot_ ? hot_->states() : 1, nodes_) && !nodes_.empty() &&
               nodes_.size() <= static_cast<size_t>(settings_.beam) && each(in_blank_) && each(in_key_) && each(acoustic_) && each(end_);
    }

    // Whether the LM's states are the same numbers at all times, so that another beam can take them over.
    bool portable() const { return lm_->states() > 0; }

private:
    struct Candidate {
        int32_t parent, key; // position in the beam; label
        double acoustic, gain, total;
    };

    // A frame in which nothing but the blank is possible: no prefix changes its rank.
    void rest(double blank) {
        take_back_end();
        in_blank_ = acoustic_;
        std::fill(in_key_.begin(), in_key_.end(), kImpossible);
        offset_ += blank;
    }

    void step(double time);
    bool hear();
    void stay(bool heard_blank, double time);
    void grow();
    void select(double time);
    void replace(double time);
    void born(double time);
    int32_t vote(const std::vector<double>& totals);
    void retain(int32_t root);

    void tidy() { // let the LM forget the states of prefixes that are gone
        std::vector<int32_t> alive, states;
        for (size_t id = 0; id < arena_.size(); ++id) {
            if (arena_[id].references == 0) continue;
            alive.push_back(static_cast<int32_t>(id));
            states.push_back(arena_[id].state);
        }
        lm_->keep(states);
        for (size_t i = 0; i < alive.size(); ++i) arena_[alive[i]].state = states[i];
    }

    void take_back_end() {
        if (!ended_) return;
        std::fill(end_.begin(), end_.end(), 0.0);
        ended_ = false;
        ++revision_;
    }

    // Nats: what the LM and the hot words say to a prefix.
    double language(int32_t id) const { return arena_[arena_[id].path].lm + arena_[id].paid; }

    const std::vector<double>& totals() {
        ranks_.resize(nodes_.size());
        for (size_t i = 0; i < ranks_.size(); ++i) ranks_[i] = acoustic_[i] + language(nodes_[i]) + end_[i];
        return ranks_;
    }

    static size_t best_of(const std::vector<double>& values) {
        return std::max_element(values.begin(), values.end()) - values.begin();
    }

    std::vector<int32_t> labels(const std::vector<int32_t>& chain) const {
        std::vector<int32_t> found;
        for (int32_t id : chain) found.push_back(arena_[id].label);
        return found;
    }

    Keys keys_of(const std::vector<int32_t>& chain, const std::vector<double>& totals) {
        Keys keys{labels(chain), arena_.times(chain), std::vector<double>(chain.size(), 0.0)};
        const std::vector<int32_t> parting = arena_.through(chain, nodes_);
        const double best = totals[best_of(totals)];
        double all = 0.0, behind = 0.0;
        for (size_t i = 0; i < nodes_.size(); ++i) {
            const double weight = std::exp(totals[i] - best);
            all += weight;
            if (parting[i] >= 0) keys.confidences[parting[i]] += weight;
        }
        for (size_t i = chain.size(); i-- > 0;) {
            behind += keys.confidences[i];
            keys.confidences[i] = std::min(behind / all, 1.0);
        }
        return keys;
    }

    Settings settings_;
    std::shared_ptr<LanguageModel> lm_;
    std::shared_ptr<const HotWords> hot_;
    std::vector<double> most_, prices_;
    std::vector<char> scored_;
    int32_t blank_, backspace_;
    Arena arena_;
    std::vector<int32_t> nodes_;
    std::vector<double> in_blank_, in_key_, acoustic_, end_; // acoustic_: of both together
    bool ended_ = false;
    uint64_t revision_ = 0, settled_ = 0; // settled_: the revision that `settle` has seen
    double of_age_ = kNever;              // seconds: when the next key is old enough to be settled
    double offset_ = 0.0;
    double oldest_ = kNever; // seconds: no key behind the root is older
    // Scratch of one frame, kept to spare allocations.
    std::vector<double> row_, stay_blank_, stay_key_, stay_both_, grown_, totals_, gains_, ranks_, mass_;
    std::vector<int32_t> column_, heard_, states_, labels_, children_, after_, at_, sides_;
    std::vector<size_t> asked_, stays_;
    std::vector<Candidate> candidates_;
};

} // namespace emgtype
