//! The names the state uses, parsed at the edge: inside, no `String` stands for a name.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest name of any kind, in bytes.
pub const NAME_BYTES_MAX: usize = 128;

/// The length of a procedure's code without a local edition.
const NATIONAL_BYTES: usize = 8;

/// Why a text is not a name. `what` is the kind of name, e.g. "agency code".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing was given.
    #[error("the {what} is empty")]
    Empty {
        /// The kind of name.
        what: &'static str,
    },
    /// Longer than [`NAME_BYTES_MAX`].
    #[error("the {what} is longer than {NAME_BYTES_MAX} bytes")]
    TooLong {
        /// The kind of name.
        what: &'static str,
    },
    /// Not of the shape that this kind of name has.
    #[error("`{found}` is no {what}: expected {shape}")]
    Malformed {
        /// The kind of name.
        what: &'static str,
        /// The text as given.
        found: String,
        /// The shape such a name has.
        shape: &'static str,
    },
}

fn parse(
    text: &str,
    what: &'static str,
    shape: &'static str,
    fits: fn(&str) -> bool,
) -> Result<Arc<str>, NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong { what });
    }
    if !fits(text) {
        return Err(NameError::Malformed {
            what,
            found: text.to_owned(),
            shape,
        });
    }
    Ok(Arc::from(text))
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $shape:literal, $fits:expr) => {
        $(#[$doc])*
        ///
        /// Cheap to clone; can be looked up in a map by `&str`.
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as it is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                parse(text, $what, $shape, $fits).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The electronic identifier of an agency, e.g. `G01` or `G18.01.02`, level 1 first.
    AgencyCode,
    "agency code",
    "a letter and two digits, then up to three levels of two digits, as in `G18.01.02`",
    is_agency
);
name!(
    /// A system of an agency, e.g. `H26/one-stop`.
    SystemId,
    "system id",
    "an agency code, `/` and a name in lower-kebab-case, as in `H26/one-stop`",
    |text| text.split_once('/').is_some_and(|(agency, name)| is_agency(agency) && is_kebab(name))
);
name!(
    /// A dataset, e.g. `civil_status`.
    DatasetId,
    "dataset id",
    "lower_snake_case, as in `civil_status`",
    is_snake
);
name!(
    /// A view of a dataset, e.g. `death_extract`.
    ViewName,
    "view name",
    "lower_snake_case, as in `death_extract`",
    is_snake
);
name!(
    /// A sharing agreement, e.g. `g10-h26-land-2026`.
    AgreementId,
    "agreement id",
    "letters, digits, `.`, `_` and `-`, as in `g10-h26-land-2026`",
    is_label
);
name!(
    /// A grant within an agreement, e.g. `g10-h26-land-2026/certificate`.
    GrantId,
    "grant id",
    "an agreement id, `/` and the grant's own id, as in `g10-h26-land-2026/certificate`",
    |text| text.split_once('/').is_some_and(|(agreement, own)| is_label(agreement) && is_label(own))
);
name!(
    /// An administrative procedure: `1.004222`, or with its local edition `1.004222.000.00.00.H26`.
    ProcedureCode,
    "procedure code",
    "a digit from 1 to 3, `.` and six digits, as in `1.004222` or `1.004222.000.00.00.H26`",
    is_procedure
);
name!(
    /// A kind of document that a database replaces, e.g. `birth_certificate`.
    DocumentCode,
    "document code",
    "lower_snake_case, as in `birth_certificate`",
    is_snake
);
name!(
    /// A database as the law's tables name it, e.g. `vehicle_registration`. A dataset's id where it
    /// is one.
    DatabaseId,
    "database id",
    "lower_snake_case, as in `vehicle_registration`",
    is_snake
);
name!(
    /// A variant of a procedure that exists in several (1.004222 has four).
    VariantCode,
    "variant code",
    "letters, digits, `.`, `_` and `-`",
    is_label
);
impl ProcedureCode {
    /// The code without its local edition: `1.004222` of `1.004222.000.00.00.H26`.
    #[must_use]
    pub fn national(&self) -> Self {
        let national = self.0.get(..NATIONAL_BYTES).unwrap_or(&self.0);
        Self(Arc::from(national))
    }
}

impl SystemId {
    /// The agency the system belongs to.
    #[must_use]
    pub fn agency(&self) -> AgencyCode {
        AgencyCode(Arc::from(self.halves().0))
    }

    /// The system's own name within its agency.
    #[must_use]
    pub fn name(&self) -> &str {
        self.halves().1
    }

    fn halves(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or((&self.0, ""))
    }
}

impl GrantId {
    /// The grant `own` of `agreement`.
    ///
    /// # Errors
    /// When `own` is not a grant's own id, or both together are too long.
    pub fn within(agreement: &AgreementId, own: &str) -> Result<Self, NameError> {
        format!("{agreement}/{own}").parse()
    }

    /// The agreement the grant stands in.
    #[must_use]
    pub fn agreement(&self) -> AgreementId {
        AgreementId(Arc::from(
            self.0
                .split_once('/')
                .map_or(&*self.0, |(agreement, _)| agreement),
        ))
    }
}

fn is_agency(text: &str) -> bool {
    let mut levels = text.split('.');
    let first = levels.next().is_some_and(|level| {
        level
            .strip_prefix(|c: char| c.is_ascii_uppercase())
            .is_some_and(|rest| is_digits(rest, 2))
    });
    let rest: Vec<&str> = levels.collect();
    first && rest.len() <= 3 && rest.iter().all(|level| is_digits(level, 2))
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_kebab(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_snake(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

pub(crate) fn is_label(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn is_procedure(text: &str) -> bool {
    let Some((national, local)) = text.split_at_checked(NATIONAL_BYTES) else {
        return false;
    };
    let Some((kind, number)) = national.split_once('.') else {
        return false;
    };
    let agency = local.strip_prefix(".000.00.00.");
    matches!(kind, "1" | "2" | "3")
        && is_digits(number, 6)
        && (local.is_empty() || agency.is_some_and(|code| !code.contains('.') && is_agency(code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_right_shape_are_read_and_printed_as_they_were() {
        for code in ["G01", "H26", "G18.01.02", "G18.01.02.03"] {
            assert_eq!(code.parse::<AgencyCode>().unwrap().to_string(), code);
        }
        for code in ["1.004222", "3.000368", "1.004222.000.00.00.H26"] {
            let code: ProcedureCode = code.parse().unwrap();
            assert_eq!(code.as_str(), code.to_string());
            assert_eq!(code.national().as_str(), &code.as_str()[..8]);
        }
        let system: SystemId = "H26/one-stop".parse().unwrap();
        assert_eq!(
            (system.agency().as_str(), system.name()),
            ("H26", "one-stop")
        );
        let grant: GrantId = "a-1/certificate".parse().unwrap();
        assert_eq!(grant.agreement().as_str(), "a-1");
    }

    #[test]
    fn a_text_of_another_shape_is_refused_with_the_shape_that_was_expected() {
        for bad in [
            "g01",
            "G1",
            "G18.1",
            "G18.01.02.03.04",
            "000.00.00.G18",
            "G01 ",
            "Ğ01",
        ] {
            assert!(bad.parse::<AgencyCode>().is_err(), "{bad}");
        }
        for bad in [
            "4.004222",
            "1.04222",
            "1.0042222",
            "1.004222.000.00.00",
            "1.00422é",
        ] {
            assert!(bad.parse::<ProcedureCode>().is_err(), "{bad}");
        }
        for bad in ["H26", "H26/", "H26/One", "H26/a/b", "H26/one-", "/one"] {
            assert!(bad.parse::<SystemId>().is_err(), "{bad}");
        }
        let error = "Land".parse::<DatasetId>().unwrap_err().to_string();
        assert_eq!(
            error,
            "`Land` is no dataset id: expected lower_snake_case, as in `civil_status`"
        );
        assert_eq!(
            "".parse::<ViewName>().unwrap_err().to_string(),
            "the view name is empty"
        );
        assert!(matches!(
            "a".repeat(129).parse::<VariantCode>(),
            Err(NameError::TooLong { .. })
        ));
    }
}
