//! Identifiers: personal identification numbers, enterprise codes, certificate numbers.

use std::collections::HashSet;

use super::{Maker, Random};

/// The weights over the first nine digits of an enterprise code.
const WEIGHTS: [u32; 9] = [31, 29, 23, 19, 17, 13, 7, 5, 3];
/// The first century that a personal identification number can name.
const FIRST_CENTURY: u32 = 19;

/// Everything that was given out, so that nothing is given out twice.
#[derive(Default)]
pub(super) struct Issued(HashSet<String>);

impl Issued {
    /// Draws until something new comes.
    fn fresh(&mut self, mut draw: impl FnMut() -> Option<String>) -> String {
        loop {
            if let Some(id) = draw()
                && self.0.insert(id.clone())
            {
                return id;
            }
        }
    }
}

impl Maker {
    /// A personal id for somebody whose birth was registered in a province (three digits).
    pub(super) fn personal_id(&mut self, province: &str, male: bool, birth_year: u32) -> String {
        let Self { random, issued, .. } = self;
        let century = (birth_year / 100).saturating_sub(FIRST_CENTURY) * 2 + u32::from(!male);
        let year = birth_year % 100;
        issued.fresh(|| {
            let serial = random.between(0, 999_999);
            Some(format!("{province}{century}{year:02}{serial:06}"))
        })
    }

    /// An enterprise code with its check digit.
    pub(super) fn enterprise_code(&mut self) -> String {
        let Self { random, issued, .. } = self;
        issued.fresh(|| enterprise_code(random.between(10_000_000, 399_999_999)))
    }

    /// The number of a land certificate: two letters and eight digits.
    pub(super) fn certificate_no(&mut self) -> String {
        let Self { random, issued, .. } = self;
        issued.fresh(|| {
            let letter = |random: &mut Random| char::from(b'A' + random.between(0, 25) as u8);
            let letters: String = [letter(random), letter(random)].iter().collect();
            Some(format!("{letters}{:08}", random.between(0, 99_999_999)))
        })
    }
}

/// The enterprise code whose first nine digits are `number`, or none where that number was never
/// issued because its check digit would be ten, or where it has more than nine digits.
#[must_use]
pub fn enterprise_code(number: u32) -> Option<String> {
    let digits = format!("{number:09}");
    let check = check_digit(&digits)?;
    Some(format!("{digits}{check}"))
}

/// Whether `code` is a well-formed enterprise code with the right check digit; a branch's ending
/// `-001` to `-999` is allowed.
#[must_use]
pub fn is_enterprise_code(code: &str) -> bool {
    let (main, branch) = match code.split_once('-') {
        Some((main, branch)) => (main, Some(branch)),
        None => (code, None),
    };
    let branch_fits = branch.is_none_or(|branch| {
        branch.len() == 3 && branch != "000" && branch.bytes().all(|byte| byte.is_ascii_digit())
    });
    let Some((digits, check)) = main.split_at_checked(WEIGHTS.len()) else {
        return false;
    };
    branch_fits && check_digit(digits).is_some_and(|right| check == right.to_string())
}

fn check_digit(nine: &str) -> Option<u32> {
    if nine.len() != WEIGHTS.len() {
        return None;
    }
    let digits: Option<Vec<u32>> = nine.chars().map(|digit| digit.to_digit(10)).collect();
    let sum: u32 = digits?
        .iter()
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit * weight)
        .sum();
    // A remainder of 0 would ask for a check digit of 10: such a number is never issued.
    let rest = sum % 11;
    (rest > 0).then(|| 10 - rest)
}

/// Whether `id` has the form of a personal identification number: 12 digits, of which the first
/// three are the code of a province. There is no check digit.
#[must_use]
pub fn is_personal_id(id: &str) -> bool {
    let Some(province) = id.get(..3) else {
        return false;
    };
    id.len() == 12
        && id.bytes().all(|byte| byte.is_ascii_digit())
        && super::places::birth_codes().any(|(code, _)| code == province)
}
