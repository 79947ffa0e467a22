//! What many samples come to.

use std::time::Duration;

/// The smallest sample that so many thousandths of all do not exceed: the nearest rank, exactly.
/// Nothing of nothing.
pub(crate) fn quantile(sorted: &[Duration], thousandths: usize) -> Option<Duration> {
    let rank = (sorted.len() * thousandths).div_ceil(1000);
    sorted.get(rank.max(1) - 1).copied()
}

/// A figure over the rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// The middle one, or halfway between the middle two.
    pub(crate) median: f64,
    /// The smallest.
    pub(crate) min: f64,
    /// The largest.
    pub(crate) max: f64,
}

impl Spread {
    /// Nothing where no round has the figure.
    pub(crate) fn over(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let upper = sorted.get(sorted.len() / 2)?;
        let lower = sorted.get((sorted.len() - 1) / 2)?;
        Some(Self {
            median: f64::midpoint(*lower, *upper),
            min: *sorted.first()?,
            max: *sorted.last()?,
        })
    }
}

/// What the figure is to be. It is printed beside it, and never decides how a run ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// Larger is better.
    AtLeast(f64),
    /// Smaller is better.
    AtMost(f64),
}

impl Goal {
    /// `goal ≤ 150`, and whether `figure` misses it, for a table.
    pub(crate) fn beside(self, figure: f64, print: fn(f64) -> String) -> String {
        let (sign, bound) = match self {
            Self::AtLeast(bound) => ("≥", bound),
            Self::AtMost(bound) => ("≤", bound),
        };
        let word = if self.is_met(figure) { "" } else { " MISSED" };
        format!("goal {sign} {}{word}", print(bound))
    }

    fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(bound) => figure >= bound,
            Self::AtMost(bound) => figure <= bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_sample_and_the_nearest_rank() {
        let sorted: Vec<Duration> = (1..=1000).map(Duration::from_micros).collect();
        let at = |thousandths| quantile(&sorted, thousandths).unwrap().as_micros();
        assert_eq!([at(500), at(990), at(999), at(1000)], [500, 990, 999, 1000]);
        let few = sorted.get(..3).unwrap();
        assert_eq!(quantile(few, 500), Some(Duration::from_micros(2)));
        assert_eq!(quantile(few, 0), Some(Duration::from_micros(1)));
        assert_eq!(quantile(&[], 500), None);
    }

    #[test]
    fn a_median_lies_in_the_middle_whatever_the_order() {
        let odd = Spread::over([3.0, 1.0, 9.0]).unwrap();
        assert_eq!((odd.median, odd.min, odd.max), (3.0, 1.0, 9.0));
        assert_eq!(Spread::over([4.0, 1.0]).unwrap().median, 2.5);
        assert_eq!(Spread::over([]), None);
    }

    #[test]
    fn a_goal_says_when_it_is_missed() {
        let print = |figure: f64| format!("{figure:.1}");
        assert_eq!(Goal::AtMost(1.4).beside(1.4, print), "goal ≤ 1.4");
        assert_eq!(Goal::AtMost(1.4).beside(1.41, print), "goal ≤ 1.4 MISSED");
        assert_eq!(Goal::AtLeast(0.8).beside(0.7, print), "goal ≥ 0.8 MISSED");
        assert_eq!(
            Goal::AtLeast(0.8).beside(f64::NAN, print),
            "goal ≥ 0.8 MISSED"
        );
    }
}
