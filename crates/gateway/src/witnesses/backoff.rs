//! When a witness that failed is asked again.

use std::time::Duration;

use aws_lc_rs::rand;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// The pause after so many failures in a row.
pub(super) fn pause(failures: u32) -> Duration {
    let mut random = [0];
    // Without randomness all gateways come back at the same moment, and no worse.
    let _best_effort = rand::fill(&mut random);
    let [random] = random;
    jittered(failures, random)
}

/// Half of it at least, so that gateways that failed together do not come back together.
fn jittered(failures: u32, random: u8) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let pause = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    pause / 2 + pause / 2 * u32::from(random) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_to_a_limit_and_is_never_the_same_for_all() {
        let range = |failures| (jittered(failures, 0), jittered(failures, 255));
        let ms = Duration::from_millis;
        assert_eq!(range(1), (ms(500), ms(1000)));
        assert_eq!(range(3), (ms(2000), ms(4000)));
        assert_eq!(range(7), (ms(30_000), ms(60_000)));
        assert_eq!(range(u32::MAX), range(7));
    }
}
