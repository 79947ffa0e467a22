//! R112: whatever is emitted is searched for everything personal.

use serde_json::Value;

use super::emitted::emitted;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_personal_stands_in_anything_that_is_emitted() {
    // R61, R112.
    let emitted = emitted().await;
    for part in &emitted.parts {
        let found = emitted.personal.in_bytes(&part.bytes);
        assert!(found.is_empty(), "{}: {found:?}", part.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_search_finds_what_is_there_and_what_is_planted() {
    // R112: a search that finds nothing anywhere shows nothing.
    let emitted = emitted().await;
    assert!(
        emitted.personal.0.len() > 500,
        "{}",
        emitted.personal.0.len()
    );
    let planted = emitted.personal.0.iter().next_back().unwrap();
    for part in &emitted.parts {
        let text = String::from_utf8_lossy(&part.bytes);
        assert!(text.contains(part.public), "{}: {text}", part.name);
        let mut bytes = part.bytes.clone();
        bytes.splice(bytes.len() / 2..bytes.len() / 2, planted.bytes());
        assert!(
            !emitted.personal.in_bytes(&bytes).is_empty(),
            "{}",
            part.name
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_line_of_the_log_is_one_object_with_the_same_keys() {
    let emitted = emitted().await;
    assert!(emitted.log.lines().count() > 10, "{}", emitted.log);
    for line in emitted.log.lines() {
        let object: Value = serde_json::from_str(line).expect(line);
        let object = object.as_object().expect(line);
        for key in ["timestamp", "level", "target"] {
            assert!(object[key].is_string(), "{line}");
        }
        assert!(object["fields"]["message"].is_string(), "{line}");
        assert_eq!(object.len(), 4, "{line}");
        assert!(
            object["target"].as_str().unwrap().starts_with("motlan"),
            "{line}"
        );
    }
    let levels = ["TRACE", "DEBUG", "INFO"].iter();
    assert!(levels.filter(|it| emitted.log.contains(**it)).count() >= 2);
}
