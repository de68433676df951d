// CTC prefix beam search with a language model that understands backspaces.
//
// Sources: prefix search after Graves et al., ICML 2006, and Hannun et al., arXiv 1408.2873; n-gram shallow fusion and
// the treatment of backspaces after emg2qwerty's reference decoder (Sivakumar et al. 2024).
//
// State. A prefix is a node of a tree of keys (arena.hpp). Per prefix the beam has the log-probability of all alignments
// that end in a blank (in_blank_) and of those that end in its last key (in_key_), relative to offset_, so that days of
// frames do not eat the precision.
//
// One frame (beam.cpp):
//   1. Only the labels above the floor are looked at, and of those only the likeliest. If there is but the blank, all
//      prefixes keep their ranks, and the frame is done.
//   2. Alignments: a prefix stays, by a blank or by its last key going on, or grows by a key. If it grows to one that is
//      in the beam already, the two merge, by log-sum-exp.
//   3. Extensions that can reach the beam even with the largest gain that the language model gives are scored by it.
//   4. Prefixes within the threshold of the best survive, at most as many as the beam is wide.
//
// Language model. Each prefix has a path of the keys that the model sees: a backspace steps back on it and so undoes the
// score of the key that it deletes, but the price of the backspace itself stays paid.
//
// The commit rule (commit.cpp): which keys become final, and the cut of the tree behind them.
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

// Final keys whose language model states stay; a backspace deeper than that falls back to the start state.
constexpr size_t kUndoDepth = 64;

struct Settings {
    int32_t beam, labels;
    double threshold, floor;
};

// Keys of a hypothesis, oldest first.
struct Keys {
    std::vector<int32_t> labels;
    std::vector<double> times, confidences;
};

struct Hypothesis {
    std::vector<int32_t> labels;
    std::vector<double> times;
    double acoustic, lm;
};

inline double log_add(double a, double b) {
    const double larger = std::max(a, b), difference = std::min(a, b) - larger;
    // Beyond that the sum rounds to the larger one.
    return difference > -37.0 ? larger + std::log1p(std::exp(difference)) : larger;
}

class Beam {
public:
    // `silent` marks the labels that leave the language model's state alone; `backspace` steps it back, and is -1 where
    // there is none. These cost their `prices`, nats, which nothing gives back. `largest_gain`: nats that the language
    // model gives any other label at most. `hot_words`: null: there are none.
    Beam(Settings settings, std::shared_ptr<LanguageModel> lm, std::vector<double> largest_gain,
         const std::vector<bool>& silent, std::vector<double> prices, int32_t backspace,
         std::shared_ptr<const HotWords> hot_words)
        : settings_(settings), lm_(std::move(lm)), hot_words_(std::move(hot_words)),
          largest_gain_(std::move(largest_gain)), prices_(std::move(prices)), blank_(static_cast<int32_t>(silent.size())),
          backspace_(backspace), arena_(blank_) {
        for (int32_t label = 0; label < blank_; ++label) scored_.push_back(!silent[label] && label != backspace);
        scored_.push_back(false);
        reset();
    }

    int32_t classes() const { return blank_ + 1; }
    size_t size() const { return arena_.alive(); }
    // As long as it is the same, so are the ranking and its keys.
    uint64_t revision() const { return revision_; }

    void reset() {
        arena_ = Arena(blank_);
        arena_.hold(Arena::kBottom);
        nodes_ = {Arena::kBottom};
        in_blank_ = {0.0};
        in_key_ = {kImpossible};
        acoustic_ = {0.0};
        end_ = {0.0};
        ended_ = false;
        offset_ = 0.0;
        oldest_key_ = kNever;
        column_.assign(classes(), -1);
        ++revision_;
    }

    // One frame of natural-log probabilities (classes,).
    void push(const float* row, double time) {
        row_.assign(row, row + classes());
        const double loudest = *std::max_element(row_.begin(), row_.end() - 1);
        if (loudest <= settings_.floor && row_[blank_] > settings_.floor) {
            step_blank(row_[blank_]);
        } else {
            step(time);
        }
    }

    // Rank the prefixes as texts that end here. A further push takes that back.
    void finish() {
        std::vector<int32_t> states;
        for (int32_t id : nodes_) states.push_back(arena_[arena_[id].path].state);
        lm_->end(states, end_.data());
        for (size_t i = 0; hot_words_ && i < nodes_.size(); ++i) {
            end_[i] += hot_words_->end(arena_[arena_[nodes_[i]].path].hot);
        }
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
        std::vector<Hypothesis> ranking;
        for (size_t i : order) {
            if (ranking.size() == count) break;
            const std::vector<int32_t> chain = arena_.chain(nodes_[i]);
            ranking.push_back(
                {labels(chain), arena_.times(chain), acoustic_[i] + offset_, language(nodes_[i]) + end_[i]});
        }
        return ranking;
    }

    void cut(double horizon, double patience, Keys& final);
    void commit_confident(const double* required, double newest, Keys& final);

    // Calls `visit` with everything that changes, in order, as Arena::state does.
    template <typename Visit> void state(Visit&& visit) {
        arena_.state(visit);
        visit(nodes_);
        for (std::vector<double>* each : {&in_blank_, &in_key_, &acoustic_, &end_}) visit(*each);
        visit(ended_);
        visit(revision_);
        visit(checked_revision_);
        for (double* each : {&too_young_, &offset_, &oldest_key_}) visit(*each);
    }

    // Whether a state that was written over this one can be one of this beam.
    bool is_consistent() const {
        const auto each = [&](const std::vector<double>& values) { return values.size() == nodes_.size(); };
        return arena_.is_consistent(lm_->states(), hot_words_ ? hot_words_->states() : 1, nodes_) && !nodes_.empty() &&
               nodes_.size() <= static_cast<size_t>(settings_.beam) && each(in_blank_) && each(in_key_) &&
               each(acoustic_) && each(end_);
    }

    // Whether the language model's states are the same numbers at all times, so that another beam can take them over.
    bool states_are_stable() const { return lm_->states() > 0; }

private:
    // A prefix of the beam, grown by one key.
    struct Extension {
        int32_t parent; // position of the prefix in the beam
        int32_t key;    // label
        double acoustic, gain, total;
    };

    // A frame in which nothing but the blank is possible: no prefix changes its rank.
    void step_blank(double blank) {
        undo_finish();
        in_blank_ = acoustic_;
        std::fill(in_key_.begin(), in_key_.end(), kImpossible);
        offset_ += blank;
    }

    void step(double time);
    bool find_candidate_labels();
    void advance_alignments(bool blank_possible, double time);
    void find_extensions();
    void select_survivors(double time);
    void replace_prefixes(double time);
    void make_children(double time);
    int32_t vote(const std::vector<double>& totals);
    void retain(int32_t root);

    // Let the language model forget the states of prefixes that are gone.
    void forget_unused_states() {
        std::vector<int32_t> alive, states;
        for (size_t id = 0; id < arena_.size(); ++id) {
            if (arena_[id].references == 0) continue;
            alive.push_back(static_cast<int32_t>(id));
            states.push_back(arena_[id].state);
        }
        lm_->keep(states);
        for (size_t i = 0; i < alive.size(); ++i) arena_[alive[i]].state = states[i];
    }

    void undo_finish() {
        if (!ended_) return;
        std::fill(end_.begin(), end_.end(), 0.0);
        ended_ = false;
        ++revision_;
    }

    // Nats of the language model and the hot words for a prefix.
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
        std::vector<int32_t> labels;
        for (int32_t id : chain) labels.push_back(arena_[id].label);
        return labels;
    }

    Keys keys_of(const std::vector<int32_t>& chain, const std::vector<double>& totals) {
        Keys keys{labels(chain), arena_.times(chain), std::vector<double>(chain.size(), 0.0)};
        const std::vector<int32_t> parting = arena_.first_on_path(chain, nodes_);
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
    std::shared_ptr<const HotWords> hot_words_;
    std::vector<double> largest_gain_, prices_; // (labels,)
    std::vector<char> scored_;                  // (classes,): whether the language model scores the label
    int32_t blank_, backspace_;
    Arena arena_;
    // The beam, a column per quantity, in the same order.
    std::vector<int32_t> nodes_;
    std::vector<double> in_blank_, in_key_;
    std::vector<double> acoustic_; // the sum of the two before
    std::vector<double> end_;      // nats for the text to end here; 0 unless finish was called
    bool ended_ = false;
    uint64_t revision_ = 0;
    uint64_t checked_revision_ = 0; // the revision that commit_confident has seen
    double too_young_ = kNever;     // seconds: time of the key that was too young for it then
    double offset_ = 0.0;           // nats that the acoustic columns are relative to
    double oldest_key_ = kNever;    // seconds: no key behind the root is older
    // Scratch of one frame, kept to spare allocations.
    std::vector<double> row_, stay_blank_, stay_key_, stay_both_, grown_, totals_, gains_, ranks_, votes_;
    std::vector<int32_t> column_, candidate_labels_, states_, labels_, children_, after_, standing_, sides_;
    std::vector<size_t> queries_, survivors_;
    std::vector<Extension> extensions_;
};

} // namespace emgtype
