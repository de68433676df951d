// Hot words as an automaton over keys; decoder/language/hot_words.py makes it and has its rules.
#pragma once

#include "language_model.hpp"

namespace emgtype {

class HotWords {
public:
    HotWords(Array<int32_t> next, Array<double> pending, Array<double> earned, Array<int32_t> kinds)
        : next_(next), pending_(pending), earned_(earned), kinds_(kinds), keys_(static_cast<int32_t>(kinds.size())) {}

    int32_t next(int32_t state, int32_t label) const { return next_.data()[state * keys_ + label]; }

    // Nats for one more key: the pending ones of the next state and those that the key earns, less the pending ones of
    // this state.
    double gain(int32_t state, int32_t label) const {
        const int32_t kind = kinds_.data()[label];
        if (kind == kUnseen) return 0.0;
        return pending_.data()[next(state, label)] - pending_.data()[state] + earned_.data()[2 * state + kind];
    }

    int32_t states() const { return static_cast<int32_t>(pending_.size()); }

    // Nats for the text to end here, as before a key that separates words.
    double end(int32_t state) const { return earned_.data()[2 * state + kSeparates] - pending_.data()[state]; }

private:
    // Kinds of keys: 0 is part of a word.
    static constexpr int32_t kSeparates = 1, kUnseen = 2;

    Array<int32_t> next_;   // (states, labels): state 0 is the start
    Array<double> pending_; // (states,): nats given so far that may yet be taken back
    Array<double> earned_;  // (states, 2): those of them that stay if a key of kind 0 or 1 follows
    Array<int32_t> kinds_;  // (labels,)
    int32_t keys_;
};

} // namespace emgtype
