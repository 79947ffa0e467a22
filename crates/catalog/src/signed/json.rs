//! The JSON in which signatures and manifests are written: objects without a key that stands there
//! twice, lists, texts and whole numbers. Whatever else is JSON is refused, so that no two readers
//! can take one file for two things.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Json {
    Text(String),
    Number(u64),
    List(Vec<Json>),
    Object(Object),
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, a list, a text or a whole number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut object = BTreeMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value()?;
            if object.contains_key(&key) {
                return Err(de::Error::custom(format_args!(
                    "the key `{key}` stands here twice"
                )));
            }
            object.insert(key, value);
        }
        Ok(Json::Object(Object(object)))
    }
}

/// An object, from which each key is taken once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object(BTreeMap<String, Json>);

impl Object {
    /// The object that a file is. What is wrong with it reads after the file's name.
    pub(super) fn parse(content: &[u8]) -> Result<Self, String> {
        match serde_json::from_slice(content) {
            Ok(Json::Object(object)) => Ok(object),
            Ok(_) => Err("is no JSON object".to_owned()),
            Err(error) => Err(format!("is not the JSON that it must be: {error}")),
        }
    }

    pub(super) fn text(&mut self, key: &str) -> Result<String, String> {
        match self.0.remove(key) {
            Some(Json::Text(text)) => Ok(text),
            _ => Err(format!("has no text `{key}`")),
        }
    }

    pub(super) fn number(&mut self, key: &str) -> Result<u64, String> {
        match self.0.remove(key) {
            Some(Json::Number(number)) => Ok(number),
            _ => Err(format!("has no whole number `{key}`")),
        }
    }

    pub(super) fn list(&mut self, key: &str) -> Result<Vec<Json>, String> {
        match self.0.remove(key) {
            Some(Json::List(list)) => Ok(list),
            _ => Err(format!("has no list `{key}`")),
        }
    }

    pub(super) fn object(&mut self, key: &str) -> Result<Object, String> {
        match self.0.remove(key) {
            Some(Json::Object(object)) => Ok(object),
            _ => Err(format!("has no object `{key}`")),
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The entries that are left.
    pub(super) fn entries(self) -> impl Iterator<Item = (String, Json)> {
        self.0.into_iter()
    }

    /// That every key was taken.
    pub(super) fn finish(self) -> Result<(), String> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(key) => Err(format!("has the key `{key}`, which is not known")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_with_each_key_once_are_read() {
        let mut read = Object::parse(br#" {"a": "x", "b": 7, "c": ["y"], "d": {}} "#).unwrap();
        assert_eq!(read.text("a").unwrap(), "x");
        assert_eq!(read.number("b").unwrap(), 7);
        assert_eq!(read.list("c").unwrap(), [Json::Text("y".to_owned())]);
        assert!(read.clone().finish().is_err());
        read.object("d").unwrap().finish().unwrap();
        read.finish().unwrap();
        for (text, what) in [
            (r#"{"a": 1, "a": 1}"#, "`a` stands here twice"),
            (r#"{"a": {"b": 1, "\u0062": 1}}"#, "`b` stands here twice"),
            (r#"{"a": null}"#, "null"),
            (r#"{"a": 1.0}"#, "floating point"),
            (r#"{"a": -1}"#, "-1"),
            (r#"{"a": true}"#, "boolean"),
            (r#"{} {}"#, "trailing"),
            ("[]", "is no JSON object"),
            ("", "EOF"),
            ("\u{feff}{}", "expected value"),
        ] {
            let told = Object::parse(text.as_bytes()).unwrap_err();
            assert!(told.contains(what), "{text}: {told}");
        }
        let deep = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
        assert!(Object::parse(deep.as_bytes()).is_err());
        assert!(Object::parse(b"{\"a\": \"\xff\"}").is_err());
    }
}
