// The language models that a beam can use. States and labels are integers; all scores are weighted nats.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <vector>

namespace emgtype {

namespace py = pybind11;
template <typename T>
using Array = py::array_t<T, py::array::c_style | py::array::forcecast>;

// The state at the beginning of a sentence.
constexpr int32_t kStart = 0;

class LanguageModel {
public:
    virtual ~LanguageModel() = default;
    // Whether `keep` should be called before the next frame.
    virtual bool crowded() const = 0;
    // Nats for labels[i] in states[i].
    virtual void extend(const std::vector<int32_t>& states, const std::vector<int32_t>& labels, double* scores) = 0;
    // The states after labels[i] in states[i].
    virtual void advance(const std::vector<int32_t>& states, const std::vector<int32_t>& labels, int32_t* after) = 0;
    // Nats for the text to end in states[i].
    virtual void end(const std::vector<int32_t>& states, double* scores) = 0;
    // Forgets all states but these, which get their new numbers.
    virtual void keep(std::vector<int32_t>& states) = 0;
    // The number of states; 0: it changes.
    virtual int32_t states() const { return 0; }
};

// An n-gram model as an automaton in flat arrays: a state is a context, its children are the tokens seen after it.
class FlatModel final : public LanguageModel {
public:
    FlatModel(Array<uint64_t> seen, Array<uint32_t> first, Array<int32_t> suffix, Array<float> backoff,
              Array<float> score, Array<int32_t> next, Array<int32_t> tokens, int32_t end_token, double unknown,
              double weight, Array<double> bonus)
        : seen_(seen), first_(first), suffix_(suffix), backoff_(backoff), score_(score), next_(next), tokens_(tokens),
          end_token_(end_token), unknown_(unknown), weight_(weight), bonus_(bonus) {}

    bool crowded() const override { return false; }

    void extend(const std::vector<int32_t>& states, const std::vector<int32_t>& labels, double* scores) override {
        for (size_t i = 0; i < states.size(); ++i) {
            int32_t after;
            scores[i] = weight_ * read(states[i], labels[i], after) + bonus_.data()[labels[i]];
        }
    }

    void advance(const std::vector<int32_t>& states, const std::vector<int32_t>& labels, int32_t* after) override {
        for (size_t i = 0; i < states.size(); ++i) read(states[i], labels[i], after[i]);
    }

    void end(const std::vector<int32_t>& states, double* scores) override {
        int32_t after;
        for (size_t i = 0; i < states.size(); ++i) {
            scores[i] = states[i] == kStart ? 0.0 : weight_ * after_context(states[i], end_token_, after);
        }
    }

    void keep(std::vector<int32_t>&) override {}
    int32_t states() const override { return static_cast<int32_t>(first_.size()); }

private:
    // Returns ln P of a key. A key outside the model ends the sentence and begins the next.
    double read(int32_t state, int32_t label, int32_t& after) const {
        const int32_t token = tokens_.data()[label];
        if (token >= 0) return after_context(state, token, after);
        const double score = state == kStart ? unknown_ : after_context(state, end_token_, after);
        after = kStart;
        return score;
    }

    // Returns ln P of a token: that of the longest context that has seen it, and the cost of shortening the context to it.
    double after_context(int32_t state, int32_t token, int32_t& after) const {
        const uint64_t* seen = seen_.data();
        const int word = token >> 6;
        const uint64_t bit = uint64_t{1} << (token & 63);
        double cost = 0.0;
        // The empty context has seen every token.
        while (!(seen[2 * state + word] & bit)) {
            cost += backoff_.data()[state];
            state = suffix_.data()[state];
        }
        uint32_t child = first_.data()[state] + __builtin_popcountll(seen[2 * state + word] & (bit - 1));
        if (word) child += __builtin_popcountll(seen[2 * state]);
        after = next_.data()[child];
        return cost + score_.data()[child];
    }

    Array<uint64_t> seen_;   // (states, 2): bit t: token t was seen after the context
    Array<uint32_t> first_;  // (states,): its first child
    Array<int32_t> suffix_;  // (states,): the context without its oldest token
    Array<float> backoff_;   // (states,): ln
    Array<float> score_;     // (children,): ln P
    Array<int32_t> next_;    // (children,): the state after it
    Array<int32_t> tokens_;  // (labels,): -1: outside the model
    int32_t end_token_;
    double unknown_, weight_;
    Array<double> bonus_;    // (labels,): nats on top of a key's weighted score
};

// Any object with the methods of decoder.language.model.LanguageScorer.
class PythonModel final : public LanguageModel {
public:
    explicit PythonModel(py::object scorer) : scorer_(std::move(scorer)) {}

    bool crowded() const override { return scorer_.attr("crowded").cast<bool>(); }

    void extend(const std::vector<int32_t>& states, const std::vector<int32_t>& labels, double* scores) override {
        take<double>(scorer_.attr("extend")(array<int32_t>(states), array<intptr_t>(labels)), scores);
    }

    void advance(const std::vector<int32_t>& states, const std::vector<int32_t>& labels, int32_t* after) override {
        take<int32_t>(scorer_.attr("advance")(array<int32_t>(states), array<intptr_t>(labels)), after);
    }

    void end(const std::vector<int32_t>& states, double* scores) override {
        take<double>(scorer_.attr("end")(array<int32_t>(states)), scores);
    }

    void keep(std::vector<int32_t>& states) override {
        take<int32_t>(scorer_.attr("keep")(array<int32_t>(states)), states.data());
    }

private:
    template <typename T>
    static py::array_t<T> array(const std::vector<int32_t>& values) {
        py::array_t<T> copy(static_cast<py::ssize_t>(values.size()));
        std::copy(values.begin(), values.end(), copy.mutable_data());
        return copy;
    }

    template <typename T>
    static void take(const py::object& result, T* values) {
        const Array<T> array(result);
        std::copy(array.data(), array.data() + array.size(), values);
    }

    py::object scorer_;
};

} // namespace emgtype
