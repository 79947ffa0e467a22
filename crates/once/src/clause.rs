//! Clauses of the law, in the words in which they are cited.

use motlan_catalog::Law;

/// A row of the annex.
pub(crate) fn of_annex(law: &Law, number: &str) -> String {
    format!("{}, {}, số {number}", law.instrument, law.annex)
}

/// A clause of the article, `1a` being point a of paragraph 1.
pub(crate) fn of_article(law: &Law, clause: &str) -> String {
    let digits = clause.bytes().take_while(u8::is_ascii_digit).count();
    let (paragraph, point) = clause.split_at(digits);
    let point = match point {
        "" => String::new(),
        point => format!(" điểm {point}"),
    };
    format!(
        "{}, {} khoản {paragraph}{point}",
        law.instrument, law.article
    )
}
