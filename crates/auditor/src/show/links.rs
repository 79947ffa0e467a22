//! What a record tells of another log.

use motlan_api::audit::v1::{Link, LinkDirection};
use serde_json::{Value, json};

use super::hex;

/// In words: which log, and where it ended.
pub(super) fn words(link: &Link) -> Vec<(&'static str, String)> {
    let which = match link.direction() {
        LinkDirection::Successor => "followed by",
        LinkDirection::Predecessor => "goes on from",
        LinkDirection::Unspecified => "dropped",
    };
    let ended = !link.root.is_empty();
    let size = ended.then(|| format!("{} with root {}", link.size, hex(&link.root)));
    vec![
        (which, link.origin.clone()),
        ("ended at", size.unwrap_or_default()),
    ]
}

pub(super) fn json(link: &Link) -> Value {
    json!({
        "direction": link.direction().as_str_name().trim_start_matches("LINK_DIRECTION_"),
        "origin": link.origin,
        "key": link.key,
        "size": link.size,
        "root": hex(&link.root),
    })
}
