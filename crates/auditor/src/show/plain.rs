//! Texts of others, as they are shown.

use serde_json::Value;

/// Text of others, without what a terminal would obey, and without what nobody sees: so nobody
/// reads another text than stands there.
pub(crate) fn plain(text: &str) -> String {
    let escape = |sign: char| match is_unseen(sign) {
        true => sign.escape_default().to_string(),
        false => sign.to_string(),
    };
    text.chars().map(escape).collect()
}

/// The same as JSON: what is escaped stands in strings only, in JSON's own way.
pub(crate) fn plain_json(value: &Value) -> String {
    let mut units = [0; 2];
    let mut escape = |sign: char| match is_unseen(sign) {
        true => {
            let units = sign.encode_utf16(&mut units).iter();
            units.map(|unit| format!("\\u{unit:04x}")).collect()
        }
        false => sign.to_string(),
    };
    value.to_string().chars().map(&mut escape).collect()
}

/// Whether a sign is of the categories Cc, Cf, Zl or Zp of Unicode: it breaks lines, turns the
/// direction, or takes no room.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_spelt_out() {
        assert_eq!(plain("Hồ sơ \u{1b}[2J\n"), "Hồ sơ \\u{1b}[2J\\n");
    }

    #[test]
    fn what_turns_the_direction_or_takes_no_room_is_spelt_out() {
        assert_eq!(plain("a\u{202e}b\u{200b}c"), "a\\u{202e}b\\u{200b}c");
        assert_eq!(plain("\u{2066}\u{ad}\u{2028}"), "\\u{2066}\\u{ad}\\u{2028}");
        assert_eq!(
            plain("Trần Thị Thử, 12/3 Đường số 5"),
            "Trần Thị Thử, 12/3 Đường số 5"
        );
    }

    #[test]
    fn json_stays_what_it_was_and_shows_all_of_it() {
        let value = json!({ "a\u{202e}": "x\u{e0041}\u{7f}\"\n", "b": ["Thử"] });
        let text = plain_json(&value);
        let shown = "{\"a\\u202e\":\"x\\udb40\\udc41\\u007f\\\"\\n\",\"b\":[\"Thử\"]}";
        assert_eq!(text, shown);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
