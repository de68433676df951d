// Hot words as an automaton over keys: decoder/language/hot_words.py makes it, and says by which rules.
#pragma once

#include "language_model.hpp"

namespace emgtype {

class HotWords {
public:
    HotWords(Array<int32_t> next, Array<double> worth, Array<double> kept, Array<int32_t> kinds)
        : next_(next), worth_(worth), kept_(kept), kinds_(kinds), keys_(static_cast<int32_t>(kinds.size())) {}

    int32_t next(int32_t state, int32_t label) const { return next_.data()[state * keys_ + label]; }

    // Nats for one more key: what it adds to what is on its way, less what of that it has come to nothing.
    double gain(int32_t state, int32_t label) const {
        const int32_t kind = kinds_.data()[label];
        if (kind == kUnseen) return 0.0;
        return worth_.data()[next(state, label)] - worth_.data()[state] + kept_.data()[2 * state + kind];
    }

    int32_t states() const { return static_cast<int32_t>(worth_.size()); }

    // Nats for the text to end here, as before a key that parts words.
    double end(int32_t state) const { return kept_.data()[2 * state + kParts] - worth_.data()[state]; }

private:
    static constexpr int32_t kParts = 1, kUnseen = 2; // kinds of keys, of which 0 is part of a word

    Array<int32_t> next_;  // (states, labels): state 0 is the start
    Array<double> worth_;  // (states,): nats that were given so far for what may yet come to nothing
    Array<double> kept_;   // (states, 2): those of them that stay once a key of kind 0 or 1 follows
    Array<int32_t> kinds_; // (labels,)
    int32_t keys_;
};

} // namespace emgtype
