//! When two texts are one, written in two ways.

use motlan_catalog::normalised;
use unicode_normalization::UnicodeNormalization as _;

/// The five marks of Vietnamese tones: grave, acute, tilde, hook above, dot below. Other marks make
/// other letters.
const TONES: [char; 5] = ['\u{300}', '\u{301}', '\u{303}', '\u{309}', '\u{323}'];

/// A text as it is compared: its case, its white space and the composition of its letters do not
/// count, nor does over which letter of a word the tone stands: `Hoà` and `Hòa` are one name.
pub(crate) fn alike(text: &str) -> String {
    let mut alike = String::with_capacity(text.len());
    for word in normalised(text).split(' ') {
        if !alike.is_empty() {
            alike.push(' ');
        }
        let is_tone = |mark: &char| TONES.contains(mark);
        alike.extend(word.nfd().filter(|mark| !is_tone(mark)));
        alike.extend(word.nfd().filter(is_tone));
    }
    alike
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_may_stand_over_either_letter_and_no_other_mark_may() {
        for (one, other) in [
            ("Nguyễn Thị Hoà", "NGUYỄN THỊ  HÒA"),
            ("Thuý", "Thúy"),
            ("Khoẻ", "khỏe"),
            ("Ngoạ", "Ngọa"),
        ] {
            assert_eq!(alike(one), alike(other));
        }
        for (one, other) in [
            ("Hoà", "Hoá"),
            ("Hoà", "Hoa"),
            ("Ân", "An"),
            ("Ơn", "On"),
            ("Đào", "Dào"),
            // The tone stays with its word.
            ("Hòa An", "Hoa Àn"),
            ("HòaAn", "Hòa An"),
        ] {
            assert_ne!(alike(one), alike(other), "{one}, {other}");
        }
    }
}
