//! Codes of dossiers: `<agency>-<yymmdd>-<sequence>`, as in `000.A0.01.H26-210212-9090`.

use jiff::civil::Date;
use motlan_catalog::AgencyCode;

/// The longest code of a dossier, in bytes.
pub const DOSSIER_BYTES_MAX: usize = 32;

/// The most digits of a sequence.
const SEQUENCE_DIGITS_MAX: usize = 10;
/// How many characters the levels 4, 3 and 2 have in the older order.
const OLDER_LEVELS: [usize; 3] = [3, 2, 2];
/// Codes name years of this century.
const CENTURY: i16 = 2000;

/// Why a text is no code of a dossier. Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DossierFault {
    /// It is longer than [`DOSSIER_BYTES_MAX`], or has not three parts.
    #[error("must be an agency, a day and a number, as in `000.A0.01.H26-210212-9090`")]
    Shape,
    /// The first part is no agency.
    #[error("must begin with the code of an agency, as in `H26.01.02` or `000.A0.01.H26`")]
    Agency,
    /// The second part is no day of the calendar.
    #[error("must have a day of the calendar as its second part, as `yymmdd`")]
    Day,
    /// The last part is no number of at most ten digits.
    #[error("must end with a number of one to {SEQUENCE_DIGITS_MAX} digits")]
    Sequence,
}

/// Whether a text can be the code of a dossier.
///
/// # Errors
/// The first part that is wrong.
pub fn dossier_code(text: &str) -> Result<(), DossierFault> {
    let parts = text.split('-').collect::<Vec<_>>();
    let [agency, day, sequence] = parts.as_slice() else {
        return Err(DossierFault::Shape);
    };
    if text.len() > DOSSIER_BYTES_MAX {
        return Err(DossierFault::Shape);
    }
    if agency.parse::<AgencyCode>().is_err() && !is_older(agency) {
        return Err(DossierFault::Agency);
    }
    if !is_day(day) {
        return Err(DossierFault::Day);
    }
    if !is_digits(sequence) || sequence.len() > SEQUENCE_DIGITS_MAX {
        return Err(DossierFault::Sequence);
    }
    Ok(())
}

/// Whether it is an agency in the order that puts level 1 last.
fn is_older(agency: &str) -> bool {
    let Some((levels, first)) = agency.rsplit_once('.') else {
        return false;
    };
    let is_first = !first.contains('.') && first.parse::<AgencyCode>().is_ok();
    let levels: Vec<&str> = levels.split('.').collect();
    let fit = |(level, long): (&&str, usize)| {
        let is_sign = |sign: u8| sign.is_ascii_digit() || sign.is_ascii_uppercase();
        level.len() == long && level.bytes().all(is_sign)
    };
    is_first && levels.len() == OLDER_LEVELS.len() && levels.iter().zip(OLDER_LEVELS).all(fit)
}

fn is_day(text: &str) -> bool {
    let part = |from: usize| {
        text.get(from..from + 2)
            .and_then(|it| it.parse::<i8>().ok())
    };
    let read = || Date::new(CENTURY + i16::from(part(0)?), part(2)?, part(4)?).ok();
    text.len() == 6 && is_digits(text) && read().is_some()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
