// What Python sees: see native.pyi.
#include <pybind11/stl.h>

#include "beam.hpp"

namespace emgtype {
namespace {

py::tuple as_tuple(const Keys& keys) { return py::make_tuple(keys.labels, keys.times, keys.confidences); }

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
        if (size > raw.size() - at) throw py::value_error("state");
        std::copy_n(raw.data() + at, size, static_cast<char*>(to));
        at += size;
    }
    template <typename T> void operator()(T& value) { take(&value, sizeof(T)); }
    template <typename T> void operator()(std::vector<T>& values) {
        uint64_t size = 0;
        take(&size, sizeof(size));
        if (size > (raw.size() - at) / sizeof(T)) throw py::value_error("state");
        values.resize(size);
        take(values.data(), size * sizeof(T));
    }
};

// Seconds, far less than a frame: a key that is final after a lag of so many frames is not a frame later only because
// its time and this frame's, on a clock that has run for days, are rounded otherwise.
constexpr double kAlike = 0.5e-3;

// A beam over frames, with the checks that a border needs.
class Frames {
public:
    Frames(int32_t beam, int32_t labels, double threshold, double floor, py::object scorer, std::vector<double> most,
           std::vector<bool> free, std::vector<double> prices, int32_t backspace, std::shared_ptr<HotWords> hot)
        : scorer_(scorer), beam_({beam, labels, threshold, floor}, model(scorer), std::move(most), std::move(free),
                                 std::move(prices), backspace, std::move(hot)) {}

    void push(const Array<float>& log_probs, const Array<double>& times) {
        check(log_probs, times);
        for (py::ssize_t i = 0; i < times.size(); ++i) beam_.push(log_probs.data() + i * beam_.classes(), times.data()[i]);
    }

    py::tuple commit(const Array<float>& log_probs, const Array<double>& times, double lag, double patience,
                     const Array<double>& wanted, double age) {
        check(log_probs, times);
        if (wanted.size() && wanted.size() != beam_.classes() - 1) throw py::value_error("wanted");
        Keys final;
        for (py::ssize_t i = 0; i < times.size(); ++i) {
            const double time = times.data()[i], now = time + kAlike;
            beam_.push(log_probs.data() + i * beam_.classes(), time);
            beam_.cut(now - lag, patience, final);
            if (wanted.size()) beam_.settle(wanted.data(), now - age, final);
        }
        return as_tuple(final);
    }

    py::tuple cut(double horizon, double patience) {
        Keys final;
        beam_.cut(horizon, patience, final);
        return as_tuple(final);
    }

    std::vector<py::tuple> ranked(size_t count) {
        std::vector<py::tuple> found;
        for (const Hypothesis& h : beam_.ranked(count)) found.push_back(py::make_tuple(h.labels, h.times, h.acoustic, h.lm));
        return found;
    }

    std::vector<int32_t> best() { return beam_.best(); }
    py::tuple keys() { return as_tuple(beam_.keys()); }
    void finish() { beam_.finish(); }
    void reset() { beam_.reset(); }
    size_t size() const { return beam_.size(); }
    uint64_t revision() const { return beam_.revision(); }

    // All that the beam knows, for another one of the same settings, model and machine; empty where the LM's states
    // cannot be taken along.
    py::bytes state() {
        std::string raw;
        if (beam_.portable()) beam_.state(Writer{raw});
        return raw;
    }

    void restore(const std::string& raw) {
        Beam other = beam_;
        Reader reader{raw};
        other.state(reader);
        if (reader.at != raw.size() || !other.sound()) throw py::value_error("state");
        beam_ = std::move(other);
    }

private:
    static std::shared_ptr<LanguageModel> model(const py::object& scorer) {
        if (py::isinstance<FlatModel>(scorer)) return scorer.cast<std::shared_ptr<FlatModel>>();
        return std::make_shared<PythonModel>(scorer);
    }

    void check(const Array<float>& log_probs, const Array<double>& times) const {
        if (log_probs.ndim() != 2 || log_probs.shape(1) != beam_.classes() || log_probs.shape(0) != times.size()) {
            throw py::value_error("shape");
        }
        const float* row = log_probs.data();
        for (py::ssize_t i = 0; i < times.size(); ++i, row += beam_.classes()) {
            bool possible = false, number = true;
            for (int32_t label = 0; label < beam_.classes(); ++label) {
                possible |= row[label] > -std::numeric_limits<float>::infinity();
                number &= row[label] == row[label];
            }
            if (!possible || !number) throw py::value_error("not a number");
        }
    }

    py::object scorer_; // kept alive
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
    py::class_<Frames>(m, "Beam")
        .def(py::init<int32_t, int32_t, double, double, py::object, std::vector<double>, std::vector<bool>,
                      std::vector<double>, int32_t, std::shared_ptr<HotWords>>())
        .def("push", &Frames::push)
        .def("commit", &Frames::commit)
        .def("cut", &Frames::cut)
        .def("ranked", &Frames::ranked)
        .def("best", &Frames::best)
        .def("keys", &Frames::keys)
        .def("finish", &Frames::finish)
        .def("reset", &Frames::reset)
        .def("state", &Frames::state)
        .def("restore", &Frames::restore)
        .def_property_readonly("size", &Frames::size)
        .def_property_readonly("revision", &Frames::revision);
}

} // namespace emgtype
