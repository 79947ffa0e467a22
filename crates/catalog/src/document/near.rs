//! What was perhaps meant.

/// Longer than any name of a catalogue.
const TEXT_BYTES_MAX: usize = 256;

/// The candidate that takes the fewest changes to reach from `text`, if these are few.
///
/// Nothing is near a text longer than any name.
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let changes_max = (text.chars().count() / 3).max(1);
    let changes = candidates
        .into_iter()
        .map(|candidate| (distance(text, candidate), candidate));
    let near = changes.filter(|(changes, _)| *changes <= changes_max);
    near.min_by_key(|(changes, _)| *changes)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, left out, replaced or swapped with their neighbour to get from
/// one text to the other (the optimal string alignment distance).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    let mut last = None;
    for (index, letter) in from.chars().enumerate() {
        let mut next = vec![index.saturating_add(1)];
        for (at, other) in to.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX);
            let replaced = cell(&row, at).saturating_add(usize::from(letter != *other));
            let left_out = cell(&row, at.saturating_add(1)).saturating_add(1);
            let put_in = cell(&next, at).saturating_add(1);
            let mut least = replaced.min(left_out).min(put_in);
            let crossed = last == Some(*other)
                && at.checked_sub(1).and_then(|at| to.get(at)) == Some(&letter);
            if crossed && let Some(at) = at.checked_sub(1) {
                least = least.min(cell(&before, at).saturating_add(1));
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(letter);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn the_distance_counts_letters_put_in_left_out_replaced_and_swapped() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("hots", "host"), 1);
        assert_eq!(distance("dân_cư", "dân_cu"), 1);
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        assert_eq!(nearest("adress", ["port", "address"]), Some("address"));
        assert_eq!(nearest("land", ["population", "civil_status"]), None);
    }
}
