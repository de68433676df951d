// One frame of the search: what is heard, which prefixes stay or grow, which survive.
#include "beam.hpp"

namespace emgtype {

// Any other frame: prefixes stay or grow by one key; the best survive.
void Beam::step(double time) {
    take_back_end();
    if (lm_->crowded()) tidy();
    const bool heard_blank = hear();
    stay(heard_blank, time);
    grow();
    select(time);
}

// The labels that are looked at; whether the blank is one of them.
bool Beam::hear() {
    heard_.clear();
    for (int32_t label = 0; label <= blank_; ++label) {
        if (row_[label] > settings_.floor) heard_.push_back(label);
    }
    if (heard_.empty()) heard_.push_back(static_cast<int32_t>(best_of(row_)));
    if (static_cast<int32_t>(heard_.size()) > settings_.labels) {
        const auto likelier = [&](int32_t a, int32_t b) { return row_[a] > row_[b] || (row_[a] == row_[b] && a < b); };
        std::partial_sort(heard_.begin(), heard_.begin() + settings_.labels, heard_.end(), likelier);
        heard_.resize(settings_.labels);
    }
    const auto blank = std::find(heard_.begin(), heard_.end(), blank_);
    const bool found = blank != heard_.end();
    if (found) heard_.erase(blank);
    return found;
}

// After this frame: alignments of the prefixes themselves (stay_*), and of them grown by a key (grown_).
void Beam::stay(bool heard_blank, double time) {
    const size_t count = nodes_.size(), keys = heard_.size();
    stay_blank_.resize(count);
    stay_key_.resize(count);
    grown_.resize(count * keys);
    for (size_t k = 0; k < keys; ++k) column_[heard_[k]] = static_cast<int32_t>(k);
    for (size_t i = 0; i < count; ++i) {
        arena_[nodes_[i]].slot = static_cast<int32_t>(i);
        const double before = acoustic_[i];
        const int32_t last = arena_[nodes_[i]].label, again = column_[last];
        stay_blank_[i] = heard_blank ? before + row_[blank_] : kImpossible;
        stay_key_[i] = again >= 0 ? in_key_[i] + row_[last] : kImpossible;
        double* grown = grown_.data() + i * keys;
        for (size_t k = 0; k < keys; ++k) grown[k] = before + row_[heard_[k]];
        if (again >= 0) grown[again] = in_blank_[i] + row_[last]; // a blank must lie between a key and its repetition
    }
    for (size_t i = 0; i < count; ++i) { // what a prefix grows to may be in the beam already
        const Node& node = arena_[nodes_[i]];
        const int32_t again = column_[node.label], parent = arena_[node.parent].slot;
        if (again < 0 || parent < 0) continue;
        double& merged = grown_[parent * keys + again];
        if (merged > log_add(stay_blank_[i], stay_key_[i])) arena_.time(nodes_[i]) = time;
        stay_key_[i] = log_add(stay_key_[i], merged);
        merged = kImpossible;
    }
    for (int32_t id : nodes_) arena_[id].slot = -1;
    for (int32_t key : heard_) column_[key] = -1;
}

// Grown prefixes that can come into the beam, with what the LM says to them.
void Beam::grow() {
    const size_t count = nodes_.size(), keys = heard_.size();
    stay_both_.resize(count);
    totals_.resize(count);
    for (size_t i = 0; i < count; ++i) {
        stay_both_[i] = log_add(stay_blank_[i], stay_key_[i]);
        totals_[i] = stay_both_[i] + language(nodes_[i]);
    }
    double bar = *std::max_element(totals_.begin(), totals_.end()) - settings_.threshold;
    if (static_cast<int32_t>(count) == settings_.beam) {
        bar = std::max(bar, *std::min_element(totals_.begin(), totals_.end()));
    }
    candidates_.clear();
    asked_.clear();
    states_.clear();
    labels_.clear();
    for (size_t i = 0; i < count; ++i) {
        const Node& top = arena_[arena_[nodes_[i]].path];
        const double before = language(nodes_[i]), undone = arena_[top.below].lm - top.lm;
        for (size_t k = 0; k < keys; ++k) {
            const int32_t key = heard_[k];
            const double acoustic = grown_[i * keys + k];
            const bool scored = scored_[key]; // then the LM's gain comes below, for those that are worth asking
            double gain = 0.0;
            if (!scored) {
                gain = prices_[key] + (key == backspace_ ? undone : 0.0);
            } else if (hot_) {
                gain = hot_->gain(top.hot, key);
            }
            if (!(acoustic + before + gain + (scored ? most_[key] : 0.0) > bar)) continue;
            if (scored) {
                asked_.push_back(candidates_.size());
                states_.push_back(top.state);
                labels_.push_back(key);
            }
            candidates_.push_back({static_cast<int32_t>(i), key, acoustic, gain, acoustic + before + gain});
        }
    }
    if (asked_.empty()) return;
    gains_.resize(asked_.size());
    lm_->extend(states_, labels_, gains_.data());
    for (size_t i = 0; i < asked_.size(); ++i) {
        candidates_[asked_[i]].gain += gains_[i];
        candidates_[asked_[i]].total += gains_[i];
    }
}

// The best survive, those that stay before those that grew.
void Beam::select(double time) {
    double best = kImpossible;
    for (double total : totals_) best = std::max(best, total);
    for (const Candidate& c : candidates_) best = std::max(best, c.total);
    const double bar = best - settings_.threshold;
    const auto survives = [bar](double total) { return total > kImpossible && total >= bar; };

    ranks_.clear();
    for (double total : totals_) {
        if (survives(total)) ranks_.push_back(total);
    }
    for (const Candidate& c : candidates_) {
        if (survives(c.total)) ranks_.push_back(c.total);
    }
    double lowest = kImpossible; // of a full beam
    size_t ties = ranks_.size(); // how many at the lowest may come in
    if (const size_t width = settings_.beam; ranks_.size() > width) {
        std::nth_element(ranks_.begin(), ranks_.begin() + (width - 1), ranks_.end(), std::greater<>());
        lowest = ranks_[width - 1];
        ties = width - std::count_if(ranks_.begin(), ranks_.begin() + width, [&](double rank) { return rank > lowest; });
    }
    const auto chosen = [&](double total) {
        if (!survives(total) || total < lowest || (total == lowest && !ties)) return false;
        ties -= total == lowest;
        return true;
    };

    stays_.clear();
    for (size_t i = 0; i < totals_.size(); ++i) {
        if (chosen(totals_[i])) stays_.push_back(i);
    }
    candidates_.erase(
        std::remove_if(candidates_.begin(), candidates_.end(), [&](const Candidate& c) { return !chosen(c.total); }),
        candidates_.end());
    replace(time);
}

// The beam after the frame: children are made before what they may hang on dies.
void Beam::replace(double time) {
    born(time);
    for (size_t i = 0, next = 0; i < nodes_.size(); ++i) {
        if (next < stays_.size() && stays_[next] == i) {
            ++next;
        } else {
            arena_.release(nodes_[i]);
        }
    }
    double top = kImpossible;
    for (size_t i : stays_) top = std::max(top, stay_both_[i]);
    for (const Candidate& c : candidates_) top = std::max(top, c.acoustic);
    const size_t stays = stays_.size(), count = stays + candidates_.size();
    for (size_t i = 0; i < stays; ++i) nodes_[i] = nodes_[stays_[i]];
    nodes_.resize(count);
    in_blank_.assign(count, kImpossible);
    in_key_.resize(count);
    acoustic_.resize(count);
    end_.assign(count, 0.0);
    for (size_t i = 0; i < stays; ++i) {
        in_blank_[i] = stay_blank_[stays_[i]] - top;
        in_key_[i] = stay_key_[stays_[i]] - top;
        acoustic_[i] = stay_both_[stays_[i]] - top;
    }
    for (size_t i = 0; i < candidates_.size(); ++i) {
        nodes_[stays + i] = children_[i];
        in_key_[stays + i] = acoustic_[stays + i] = candidates_[i].acoustic - top;
    }
    offset_ += top;
    if (!candidates_.empty()) oldest_ = std::min(oldest_, time);
    ++revision_;
}

// The nodes of prefixes that enter the beam, with what the LM sees at each.
void Beam::born(double time) {
    children_.clear();
    asked_.clear();
    states_.clear();
    labels_.clear();
    for (const Candidate& c : candidates_) {
        const int32_t parent = nodes_[c.parent], id = arena_.grow(parent, c.key), path = arena_[parent].path;
        children_.push_back(id);
        arena_.time(id) = time;
        Node& node = arena_[id];
        node.state = kStart;
        node.paid = arena_[parent].paid;
        if (!scored_[c.key]) {
            node.paid += prices_[c.key];
            node.path = c.key == backspace_ ? arena_[path].below : path;
            continue;
        }
        node.path = id;
        node.below = path;
        node.lm = arena_[path].lm + c.gain;
        if (hot_) node.hot = hot_->next(arena_[path].hot, c.key);
        asked_.push_back(id);
        states_.push_back(arena_[path].state);
        labels_.push_back(c.key);
    }
    if (asked_.empty()) return;
    after_.resize(asked_.size());
    lm_->advance(states_, labels_, after_.data());
    for (size_t i = 0; i < asked_.size(); ++i) arena_[static_cast<int32_t>(asked_[i])].state = after_[i];
}

} // namespace emgtype
