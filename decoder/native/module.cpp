// The module decoder._native; decoder/_native.pyi has its types.
#include <pybind11/stl.h>

#include "beam.hpp"

namespace emgtype {
namespace {

py::tuple as_tuple(const Keys& keys) { return py::make_tuple(keys.labels, keys.times, keys.confidences); }

constexpr const char* kUnfitState =
    "this is not the state of a beam with these settings, language model and hot words: it may be of another version";

struct Writer {
    std::string& raw;

    template <typename T> void operator()(const T& value) { raw.append(reinterpret_cast<const char*>(&value), sizeof(T)); }
    template <typename T> void operator()(const std::vector<T>& values) {
        (*this)(static_cast<uint64_t>(values.size()));
        raw.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
    }
};

struct Reader {
    const std::string& raw;
    size_t at = 0;

    void take(void* to, size_t size) {
        if (size > raw.size() - at) throw py::value_error(kUnfitState);
        std::copy_n(raw.data() + at, size, static_cast<char*>(to));
        at += size;
    }
    template <typename T> void operator()(T& value) { take(&value, sizeof(T)); }
    template <typename T> void operator()(std::vector<T>& values) {
        uint64_t size = 0;
        take(&size, sizeof(size));
        if (size > (raw.size() - at) / sizeof(T)) throw py::value_error(kUnfitState);
        values.resize(size);
        take(values.data(), size * sizeof(T));
    }
};

// Seconds, far less than a frame. Times of a clock that has run for days are rounded: without this a key that is final
// after a lag of so many frames could be final a frame later.
constexpr double kRounding = 0.5e-3;

// The emissions are not log-probabilities over the beam's classes: a fault of whoever made them, not of the caller.
struct UnfitEmissionError : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

// A beam with the checks that a border needs, over frames in numpy's arrays.
class CheckedBeam {
public:
    CheckedBeam(int32_t beam, int32_t labels, double threshold, double floor, py::object scorer, int32_t backspace,
                std::shared_ptr<HotWords> hot_words)
        : scorer_(scorer), beam_({beam, labels, threshold, floor}, model(scorer), values<double>(scorer, "largest_gain"),
                                 values<bool>(scorer, "silent"), values<double>(scorer, "prices"), backspace,
                                 std::move(hot_words)) {}

    void push(const Array<float>& log_probs, const Array<double>& times) {
        check(log_probs, times);
        for (py::ssize_t i = 0; i < times.size(); ++i) {
            beam_.push(log_probs.data() + i * beam_.classes(), times.data()[i]);
        }
    }

    py::tuple commit(const Array<float>& log_probs, const Array<double>& times, double lag, double patience,
                     const Array<double>& required, double age) {
        check(log_probs, times);
        if (required.size() && required.size() != beam_.classes() - 1) {
            throw py::value_error("required has " + std::to_string(required.size()) + " posteriors: expected one for each " +
                                  "of " + std::to_string(beam_.classes() - 1) + " keys, or none");
        }
        Keys final;
        for (py::ssize_t i = 0; i < times.size(); ++i) {
            const double time = times.data()[i], now = time + kRounding;
            beam_.push(log_probs.data() + i * beam_.classes(), time);
            beam_.cut(now - lag, patience, final);
            if (required.size()) beam_.commit_confident(required.data(), now - age, final);
        }
        return as_tuple(final);
    }

    py::tuple cut(double horizon, double patience) {
        Keys final;
        beam_.cut(horizon, patience, final);
        return as_tuple(final);
    }

    std::vector<py::tuple> ranked(size_t count) {
        std::vector<py::tuple> ranking;
        for (const Hypothesis& h : beam_.ranked(count)) {
            ranking.push_back(py::make_tuple(h.labels, h.times, h.acoustic, h.lm));
        }
        return ranking;
    }

    std::vector<int32_t> best() { return beam_.best(); }
    py::tuple keys() { return as_tuple(beam_.keys()); }
    void finish() { beam_.finish(); }
    void reset() { beam_.reset(); }
    size_t size() const { return beam_.size(); }
    uint64_t revision() const { return beam_.revision(); }

    // Everything that the beam remembers, for another one of the same settings, model and machine; empty if the language
    // model numbers its states anew.
    py::bytes state() {
        std::string raw;
        if (beam_.states_are_stable()) beam_.state(Writer{raw});
        return raw;
    }

    void restore(const std::string& raw) {
        Beam other = beam_;
        Reader reader{raw};
        other.state(reader);
        if (reader.at != raw.size() || !other.is_consistent()) throw py::value_error(kUnfitState);
        beam_ = std::move(other);
    }

private:
    static std::shared_ptr<LanguageModel> model(const py::object& scorer) {
        if (py::isinstance<FlatModel>(scorer)) return scorer.cast<std::shared_ptr<FlatModel>>();
        return std::make_shared<PythonModel>(scorer);
    }

    template <typename T>
    static std::vector<T> values(const py::object& scorer, const char* name) {
        const Array<T> array(scorer.attr(name));
        return std::vector<T>(array.data(), array.data() + array.size());
    }

    void check(const Array<float>& log_probs, const Array<double>& times) const {
        if (log_probs.ndim() != 2 || log_probs.shape(1) != beam_.classes() || log_probs.shape(0) != times.size()) {
            throw UnfitEmissionError("shape");
        }
        const float* row = log_probs.data();
        for (py::ssize_t i = 0; i < times.size(); ++i, row += beam_.classes()) {
            bool some_possible = false, all_numbers = true;
            for (int32_t label = 0; label < beam_.classes(); ++label) {
                some_possible |= row[label] > -std::numeric_limits<float>::infinity();
                all_numbers &= row[label] == row[label];
            }
            if (!some_possible || !all_numbers) throw UnfitEmissionError("values");
        }
    }

    py::object scorer_; // kept alive for the beam
    Beam beam_;
};

template <typename T>
std::vector<int32_t> whole(const Array<T>& values) { return {values.data(), values.data() + values.size()}; }

Array<double> extend(FlatModel& model, const Array<int32_t>& states, const Array<int32_t>& labels) {
    Array<double> scores(states.size());
    model.extend(whole(states), whole(labels), scores.mutable_data());
    return scores;
}

Array<int32_t> advance(FlatModel& model, const Array<int32_t>& states, const Array<int32_t>& labels) {
    Array<int32_t> after(states.size());
    model.advance(whole(states), whole(labels), after.mutable_data());
    return after;
}

Array<double> end(FlatModel& model, const Array<int32_t>& states) {
    Array<double> scores(states.size());
    model.end(whole(states), scores.mutable_data());
    return scores;
}

} // namespace

PYBIND11_MODULE(_native, m) {
    m.doc() = "The inner loop of the decoder.";
    py::class_<FlatModel, std::shared_ptr<FlatModel>>(m, "FlatModel", py::dynamic_attr())
        .def(py::init<Array<uint64_t>, Array<uint32_t>, Array<int32_t>, Array<float>, Array<float>, Array<int32_t>,
                      Array<int32_t>, int32_t, double, double, Array<double>>())
        .def_property_readonly("crowded", &FlatModel::crowded)
        .def("extend", &extend)
        .def("advance", &advance)
        .def("end", &end)
        .def("keep", [](FlatModel&, const py::object& states) { return states; });
    py::class_<HotWords, std::shared_ptr<HotWords>>(m, "HotWords")
        .def(py::init<Array<int32_t>, Array<double>, Array<double>, Array<int32_t>>())
        .def("next", &HotWords::next)
        .def("gain", &HotWords::gain)
        .def("end", &HotWords::end);
    py::register_exception<UnfitEmissionError>(m, "UnfitEmissionError", PyExc_ValueError);
    py::class_<CheckedBeam>(m, "CheckedBeam")
        .def(py::init<int32_t, int32_t, double, double, py::object, int32_t, std::shared_ptr<HotWords>>())
        .def("push", &CheckedBeam::push)
        .def("commit", &CheckedBeam::commit)
        .def("cut", &CheckedBeam::cut)
        .def("ranked", &CheckedBeam::ranked)
        .def("best", &CheckedBeam::best)
        .def("keys", &CheckedBeam::keys)
        .def("finish", &CheckedBeam::finish)
        .def("reset", &CheckedBeam::reset)
        .def("state", &CheckedBeam::state)
        .def("restore", &CheckedBeam::restore)
        .def_property_readonly("size", &CheckedBeam::size)
        .def_property_readonly("revision", &CheckedBeam::revision);
}

} // namespace emgtype
