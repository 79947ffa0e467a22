//! Whether an identifier can be one at all: what is told of it by its form alone.

use jiff::civil::Date;
use motlan_catalog::{Law, SUBJECT_BYTES_MAX};

/// The weights over the first nine digits of an enterprise code.
const WEIGHTS: [u32; 9] = [31, 29, 23, 19, 17, 13, 7, 5, 3];
/// The first century that a personal identification number can name; each has two digits, for men
/// and for women.
const FIRST_CENTURY: u32 = 19;

/// Whether `subject` can be an identifier of a concept of the shared dictionary on a day in Việt
/// Nam. Of a concept that is not known here, only that it is not empty and not too long.
///
/// # Errors
/// What is wrong, without the identifier.
pub(super) fn check(
    concept: Option<&str>,
    subject: &str,
    law: &Law,
    today: Date,
) -> Result<(), String> {
    if subject.trim().is_empty() {
        return Err("must name whom or what the document is about".to_owned());
    }
    can_be_kept(subject)?;
    let fault = match concept {
        Some("person.personal_id") => personal_id(subject, law, today),
        Some("enterprise.code") => enterprise_code(subject),
        Some("land_certificate.number") => certificate_number(subject),
        _ => None,
    };
    fault.map_or(Ok(()), |fault| Err(fault.to_owned()))
}

/// Whether it is no longer than a lookup takes, and people read of it what programs do.
///
/// # Errors
/// That it is, in words.
pub(super) fn can_be_kept(subject: &str) -> Result<(), String> {
    if subject.len() > SUBJECT_BYTES_MAX {
        return Err(format!("must be at most {SUBJECT_BYTES_MAX} bytes"));
    }
    match subject.chars().any(is_unseen) {
        true => Err("must not hold characters that are not seen".to_owned()),
        false => Ok(()),
    }
}

/// Whether a character is of the general category Cc, Cf, Zl or Zp of Unicode 16: it breaks lines,
/// turns the direction, or takes no room.
fn is_unseen(sign: char) -> bool {
    sign.is_control()
        || matches!(
            sign,
            '\u{AD}'
                | '\u{600}'..='\u{605}'
                | '\u{61C}'
                | '\u{6DD}'
                | '\u{70F}'
                | '\u{890}'..='\u{891}'
                | '\u{8E2}'
                | '\u{180E}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{110BD}'
                | '\u{110CD}'
                | '\u{13430}'..='\u{1343F}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0001}'
                | '\u{E0020}'..='\u{E007F}'
        )
}

/// 12 digits: 3 for where the birth was registered, 1 for century and sex, 2 for the year of birth,
/// 6 more. There is no check digit.
fn personal_id(id: &str, law: &Law, today: Date) -> Option<&'static str> {
    if id.len() != 12 || !is_digits(id) {
        return Some("must be a personal identification number of 12 digits");
    }
    let number = |from: usize, to: usize| id.get(from..to)?.parse::<u32>().ok();
    let place = id.get(..3).unwrap_or_default();
    if !law.personal_id_codes.contains(place) {
        return Some("must begin with three digits that stand for a province");
    }
    let (century, year) = (number(3, 4)?, number(4, 6)?);
    let born = (FIRST_CENTURY + century / 2) * 100 + year;
    let is_to_come = i64::from(born) > i64::from(today.year());
    is_to_come.then_some("must not hold a year of birth that is still to come")
}

/// 10 digits, of which the last one follows from the others; a branch adds `-001` to `-999`.
fn enterprise_code(code: &str) -> Option<&'static str> {
    let (main, branch) = match code.split_once('-') {
        Some((main, branch)) => (main, Some(branch)),
        None => (code, None),
    };
    let is_branch = |branch: &str| branch.len() == 3 && is_digits(branch) && branch != "000";
    if main.len() != 10 || !is_digits(main) || !branch.is_none_or(is_branch) {
        return Some("must be an enterprise code of 10 digits, with `-001` to `-999` for a branch");
    }
    let digits: Vec<u32> = main
        .chars()
        .filter_map(|digit| digit.to_digit(10))
        .collect();
    let weighted = digits
        .iter()
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit * weight);
    // A remainder of 0 would ask for ten: such a number is never issued.
    let check = 10 - weighted.sum::<u32>() % 11;
    let is_right = digits.last() == Some(&check);
    (!is_right).then_some("must have a check digit, its tenth, that follows from the others")
}

/// Two letters and eight digits, without a space.
fn certificate_number(number: &str) -> Option<&'static str> {
    let letters = number.chars().take(2);
    let is_letter = |sign: char| sign.is_ascii_uppercase() || sign == 'Đ';
    let digits: String = number.chars().skip(2).collect();
    let fits = letters.filter(|sign| is_letter(*sign)).count() == 2
        && digits.len() == 8
        && is_digits(&digits);
    (!fits).then_some("must be the number of a certificate: two capital letters and eight digits")
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
