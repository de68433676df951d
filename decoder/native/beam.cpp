// One frame of the search: its labels, the alignments, the extensions, the survivors.
#include "beam.hpp"

namespace emgtype {

// A frame in which a key is possible: prefixes stay or grow by one key, and the best survive.
void Beam::step(double time) {
    undo_finish();
    if (lm_->crowded()) forget_unused_states();
    const bool blank_possible = find_candidate_labels();
    advance_alignments(blank_possible, time);
    find_extensions();
    select_survivors(time);
}

// Finds the labels that are looked at, and returns whether the blank is one of them.
bool Beam::find_candidate_labels() {
    candidate_labels_.clear();
    for (int32_t label = 0; label <= blank_; ++label) {
        if (row_[label] > settings_.floor) candidate_labels_.push_back(label);
    }
    if (candidate_labels_.empty()) candidate_labels_.push_back(static_cast<int32_t>(best_of(row_)));
    if (static_cast<int32_t>(candidate_labels_.size()) > settings_.labels) {
        const auto likelier = [&](int32_t a, int32_t b) { return row_[a] > row_[b] || (row_[a] == row_[b] && a < b); };
        const auto last = candidate_labels_.begin() + settings_.labels;
        std::partial_sort(candidate_labels_.begin(), last, candidate_labels_.end(), likelier);
        candidate_labels_.resize(settings_.labels);
    }
    const auto blank = std::find(candidate_labels_.begin(), candidate_labels_.end(), blank_);
    const bool blank_possible = blank != candidate_labels_.end();
    if (blank_possible) candidate_labels_.erase(blank);
    return blank_possible;
}

// Sums the alignments after this frame: of the prefixes themselves (stay_*), and of them grown by a key (grown_).
void Beam::advance_alignments(bool blank_possible, double time) {
    const size_t count = nodes_.size(), keys = candidate_labels_.size();
    stay_blank_.resize(count);
    stay_key_.resize(count);
    grown_.resize(count * keys);
    for (size_t k = 0; k < keys; ++k) column_[candidate_labels_[k]] = static_cast<int32_t>(k);
    for (size_t i = 0; i < count; ++i) {
        arena_[nodes_[i]].slot = static_cast<int32_t>(i);
        const double before = acoustic_[i];
        const int32_t last = arena_[nodes_[i]].label, again = column_[last];
        stay_blank_[i] = blank_possible ? before + row_[blank_] : kImpossible;
        stay_key_[i] = again >= 0 ? in_key_[i] + row_[last] : kImpossible;
        double* grown = grown_.data() + i * keys;
        for (size_t k = 0; k < keys; ++k) grown[k] = before + row_[candidate_labels_[k]];
        // A blank must lie between a key and its repetition.
        if (again >= 0) grown[again] = in_blank_[i] + row_[last];
    }
    // A prefix may grow to one that is in the beam already.
    for (size_t i = 0; i < count; ++i) {
        const Node& node = arena_[nodes_[i]];
        const int32_t again = column_[node.label], parent = arena_[node.parent].slot;
        if (again < 0 || parent < 0) continue;
        double& merged = grown_[parent * keys + again];
        if (merged > log_add(stay_blank_[i], stay_key_[i])) arena_.time(nodes_[i]) = time;
        stay_key_[i] = log_add(stay_key_[i], merged);
        merged = kImpossible;
    }
    for (int32_t id : nodes_) arena_[id].slot = -1;
    for (int32_t key : candidate_labels_) column_[key] = -1;
}

// Finds the extensions that can reach the beam, with the language model's gains.
void Beam::find_extensions() {
    const size_t count = nodes_.size(), keys = candidate_labels_.size();
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
    extensions_.clear();
    queries_.clear();
    states_.clear();
    labels_.clear();
    for (size_t i = 0; i < count; ++i) {
        const Node& top = arena_[arena_[nodes_[i]].path];
        const double before = language(nodes_[i]), undone = arena_[top.below].lm - top.lm;
        for (size_t k = 0; k < keys; ++k) {
            const int32_t key = candidate_labels_[k];
            const double acoustic = grown_[i * keys + k];
            // The language model's gain is added below, for extensions that can reach the beam with the largest one.
            const bool scored = scored_[key];
            double gain = 0.0;
            if (!scored) {
                gain = prices_[key] + (key == backspace_ ? undone : 0.0);
            } else if (hot_words_) {
                gain = hot_words_->gain(top.hot, key);
            }
            if (!(acoustic + before + gain + (scored ? largest_gain_[key] : 0.0) > bar)) continue;
            if (scored) {
                queries_.push_back(extensions_.size());
                states_.push_back(top.state);
                labels_.push_back(key);
            }
            extensions_.push_back({static_cast<int32_t>(i), key, acoustic, gain, acoustic + before + gain});
        }
    }
    if (queries_.empty()) return;
    gains_.resize(queries_.size());
    lm_->extend(states_, labels_, gains_.data());
    for (size_t i = 0; i < queries_.size(); ++i) {
        extensions_[queries_[i]].gain += gains_[i];
        extensions_[queries_[i]].total += gains_[i];
    }
}

// Lets the best survive; of equals those that stay before those that grew.
void Beam::select_survivors(double time) {
    double best = kImpossible;
    for (double total : totals_) best = std::max(best, total);
    for (const Extension& e : extensions_) best = std::max(best, e.total);
    const double bar = best - settings_.threshold;
    const auto survives = [bar](double total) { return total > kImpossible && total >= bar; };

    ranks_.clear();
    for (double total : totals_) {
        if (survives(total)) ranks_.push_back(total);
    }
    for (const Extension& e : extensions_) {
        if (survives(e.total)) ranks_.push_back(e.total);
    }
    // The lowest total in a full beam, and how many prefixes with exactly that total have room in it.
    double lowest = kImpossible;
    size_t ties = ranks_.size();
    if (const size_t width = settings_.beam; ranks_.size() > width) {
        std::nth_element(ranks_.begin(), ranks_.begin() + (width - 1), ranks_.end(), std::greater<>());
        lowest = ranks_[width - 1];
        ties = width - std::count_if(ranks_.begin(), ranks_.begin() + width, [&](double rank) { return rank > lowest; });
    }
    const auto has_room = [&](double total) {
        if (!survives(total) || total < lowest || (total == lowest && !ties)) return false;
        ties -= total == lowest;
        return true;
    };

    survivors_.clear();
    for (size_t i = 0; i < totals_.size(); ++i) {
        if (has_room(totals_[i])) survivors_.push_back(i);
    }
    extensions_.erase(
        std::remove_if(extensions_.begin(), extensions_.end(), [&](const Extension& e) { return !has_room(e.total); }),
        extensions_.end());
    replace_prefixes(time);
}

// Makes the beam of the next frame. Children are made before the prefixes that they hang on may die.
void Beam::replace_prefixes(double time) {
    make_children(time);
    for (size_t i = 0, next = 0; i < nodes_.size(); ++i) {
        if (next < survivors_.size() && survivors_[next] == i) {
            ++next;
        } else {
            arena_.release(nodes_[i]);
        }
    }
    double top = kImpossible;
    for (size_t i : survivors_) top = std::max(top, stay_both_[i]);
    for (const Extension& e : extensions_) top = std::max(top, e.acoustic);
    const size_t stays = survivors_.size(), count = stays + extensions_.size();
    for (size_t i = 0; i < stays; ++i) nodes_[i] = nodes_[survivors_[i]];
    nodes_.resize(count);
    in_blank_.assign(count, kImpossible);
    in_key_.resize(count);
    acoustic_.resize(count);
    end_.assign(count, 0.0);
    for (size_t i = 0; i < stays; ++i) {
        in_blank_[i] = stay_blank_[survivors_[i]] - top;
        in_key_[i] = stay_key_[survivors_[i]] - top;
        acoustic_[i] = stay_both_[survivors_[i]] - top;
    }
    for (size_t i = 0; i < extensions_.size(); ++i) {
        nodes_[stays + i] = children_[i];
        in_key_[stays + i] = acoustic_[stays + i] = extensions_[i].acoustic - top;
    }
    offset_ += top;
    if (!extensions_.empty()) oldest_key_ = std::min(oldest_key_, time);
    ++revision_;
}

// Makes the nodes of the extensions, with the path that the language model sees at each.
void Beam::make_children(double time) {
    children_.clear();
    queries_.clear();
    states_.clear();
    labels_.clear();
    for (const Extension& e : extensions_) {
        const int32_t parent = nodes_[e.parent], id = arena_.grow(parent, e.key), path = arena_[parent].path;
        children_.push_back(id);
        arena_.time(id) = time;
        Node& node = arena_[id];
        node.state = kStart;
        node.paid = arena_[parent].paid;
        if (!scored_[e.key]) {
            node.paid += prices_[e.key];
            node.path = e.key == backspace_ ? arena_[path].below : path;
            continue;
        }
        node.path = id;
        node.below = path;
        node.lm = arena_[path].lm + e.gain;
        if (hot_words_) node.hot = hot_words_->next(arena_[path].hot, e.key);
        queries_.push_back(id);
        states_.push_back(arena_[path].state);
        labels_.push_back(e.key);
    }
    if (queries_.empty()) return;
    after_.resize(queries_.size());
    lm_->advance(states_, labels_, after_.data());
    for (size_t i = 0; i < queries_.size(); ++i) arena_[static_cast<int32_t>(queries_[i])].state = after_[i];
}

} // namespace emgtype
