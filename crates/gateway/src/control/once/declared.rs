//! What an applicant declared, from the wire's form of JSON.

use prost_types::value::Kind;
use prost_types::{Struct, Value as Sent};
use serde_json::{Map, Number, Value};

/// Numbers of this size and beyond are not told apart one by one on the wire.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// An object. It is no deeper than a message may be that is read at all.
pub(super) fn object(sent: &Struct) -> Value {
    let entries = sent.fields.iter();
    let entries = entries.map(|(name, sent)| (name.clone(), value(sent)));
    Value::Object(entries.collect::<Map<String, Value>>())
}

fn value(sent: &Sent) -> Value {
    match &sent.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::NumberValue(sent)) => number(*sent),
        Some(Kind::StringValue(text)) => Value::String(text.clone()),
        Some(Kind::BoolValue(sent)) => Value::Bool(*sent),
        Some(Kind::StructValue(sent)) => object(sent),
        Some(Kind::ListValue(sent)) => Value::Array(sent.values.iter().map(value).collect()),
    }
}

/// The wire knows no whole numbers: one that is whole is read as such.
fn number(sent: f64) -> Value {
    if sent.fract() == 0.0 && sent.abs() < WHOLE_MAX {
        let digits = format!("{sent:.0}");
        if let Ok(whole) = digits.parse::<i64>() {
            return Value::Number(whole.into());
        }
    }
    Number::from_f64(sent).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(kind: Kind) -> Sent {
        Sent { kind: Some(kind) }
    }

    #[test]
    fn json_comes_over_the_wire_as_it_was_written() {
        let date = Struct {
            fields: [("year".to_owned(), sent(Kind::NumberValue(1990.0)))].into(),
        };
        let list = prost_types::ListValue {
            values: vec![
                sent(Kind::BoolValue(true)),
                sent(Kind::NullValue(0)),
                sent(Kind::NumberValue(0.5)),
                sent(Kind::NumberValue(-3.0)),
                sent(Kind::NumberValue(1e300)),
                sent(Kind::NumberValue(f64::NAN)),
            ],
        };
        let fields = [
            ("name".to_owned(), sent(Kind::StringValue("Lê".to_owned()))),
            ("born".to_owned(), sent(Kind::StructValue(date))),
            ("list".to_owned(), sent(Kind::ListValue(list))),
            ("none".to_owned(), Sent { kind: None }),
        ];
        let whole = object(&Struct {
            fields: fields.into(),
        });
        let expected = json!({
            "name": "Lê",
            "born": { "year": 1990 },
            "list": [true, null, 0.5, -3, 1e300, null],
            "none": null,
        });
        assert_eq!(whole, expected);
    }
}
