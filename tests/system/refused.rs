//! What every error must look like.

use motlan_testkit::client::Reply;
use tonic::Code;

/// The sentence for a reason that nobody has translated.
const UNTRANSLATED: &str = "Yêu cầu không thực hiện được.";

/// Checks a reply that is an error: its code and reason, a sentence to act on, the same in
/// Vietnamese, no data. Gives the record that it names; the metadata and the details must agree.
#[track_caller]
pub(crate) fn refused(reply: &Reply, code: Code, reason: &str) -> Option<String> {
    let info = reply
        .error_info()
        .unwrap_or_else(|| panic!("{:?}", reply.status));
    assert_eq!(
        (reply.code(), info.reason.as_str()),
        (code, reason),
        "{:?}",
        reply.status
    );
    assert_eq!(info.domain, "motlan");
    assert!(!reply.status.message().is_empty());
    let localized = reply.localized().unwrap();
    assert_eq!(localized.locale, "vi");
    assert!(!localized.message.is_empty() && localized.message != UNTRANSLATED);
    // R42: no partial data.
    assert!(reply.body.is_empty());
    let record = reply.metadata("motlan-record").map(str::to_owned);
    assert_eq!(info.metadata.get("record"), record.as_ref());
    record
}

/// As [`refused`], of an error that the ledger holds.
#[track_caller]
pub(crate) fn refused_on_record(reply: &Reply, code: Code, reason: &str) -> String {
    refused(reply, code, reason).expect("the error names its record")
}

/// As [`refused`], of a call that came no further than the door.
#[track_caller]
pub(crate) fn turned_away(reply: &Reply, code: Code, reason: &str) {
    assert_eq!(refused(reply, code, reason), None);
}
