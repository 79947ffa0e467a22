//! Receipts: proof of a record for whoever asked.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use motlan_api::audit::v1::{GetReceiptRequest, GetReceiptResponse, Receipt};
use motlan_audit::{SignerKey, verify_receipt};
use motlan_testkit::client::{Call, Client, Reply};
use prost::Message as _;
use tonic::Code;

use crate::system::question::{DESK, FUNERAL, OTHER_DESK, person};
use crate::system::refused::turned_away;
use crate::system::running::Running;

const GET_RECEIPT: &str = "/motlan.audit.v1.Audit/GetReceipt";

async fn receipt_of(client: &Client, record: &str) -> Reply {
    let record = record.to_owned();
    let request = GetReceiptRequest { record }.encode_to_vec();
    let call = Call::new(GET_RECEIPT, &request).unwrap();
    client.call(&call).await.unwrap()
}

fn received(reply: &Reply) -> Receipt {
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    let message = reply.messages().unwrap().remove(0);
    let response = GetReceiptResponse::decode(message).unwrap();
    response.receipt.unwrap()
}

/// The receipt in the trailer of an answer.
fn enclosed(reply: &Reply) -> Receipt {
    let receipt = reply.metadata("motlan-receipt-bin").unwrap();
    let receipt = BASE64_STANDARD_NO_PAD.decode(receipt).unwrap();
    Receipt::decode(receipt.as_slice()).unwrap()
}

#[tokio::test]
async fn a_receipt_verifies_offline_and_a_changed_one_does_not() {
    // R36.
    let running = Running::start().await;
    let roles = running.roles();
    // So that the proof has a way to go.
    for _ in 0..3 {
        running.ask(&person(&roles.spouse)).await;
    }
    let question = person(&roles.person).with("motlan-receipt", "full");
    let reply = running.ask(&question).await;
    let receipt = enclosed(&reply);

    let proven = verify_receipt(&receipt, &running.verifier).unwrap();
    assert_eq!(
        Some(proven.id.to_string().as_str()),
        reply.metadata("motlan-record")
    );
    assert_eq!(proven.record.caller, DESK);
    assert!(proven.record.answers == 1 && !receipt.proof.is_empty());

    let mut other_leaf = receipt.clone();
    *other_leaf.leaf.last_mut().unwrap() ^= 1;
    let mut other_place = receipt.clone();
    other_place.index -= 1;
    let mut other_proof = receipt.clone();
    other_proof.proof[0][0] ^= 1;
    let mut other_checkpoint = receipt.clone();
    other_checkpoint.checkpoint = other_checkpoint.checkpoint.replacen('8', "9", 1);
    for changed in [other_leaf, other_place, other_proof, other_checkpoint] {
        assert_ne!(changed, receipt);
        verify_receipt(&changed, &running.verifier).unwrap_err();
    }
    let stranger = SignerKey::generate("motlan.example/audit/demo/2026q4").unwrap();
    verify_receipt(&receipt, stranger.verifier()).unwrap_err();
    running.stop().await;
}

#[tokio::test]
async fn a_receipt_can_be_had_later_by_whoever_asked_and_by_nobody_else() {
    // R36.
    let running = Running::start().await;
    let roles = running.roles();
    let refused = person(&roles.person).procedure(FUNERAL);
    let answered = running.ask(&person(&roles.person)).await;
    let refused = running.ask(&refused).await;
    let other = running.client(OTHER_DESK).await;
    for reply in [&answered, &refused] {
        let record = reply.metadata("motlan-record").unwrap();
        let receipt = received(&receipt_of(&running.desk, record).await);
        let proven = verify_receipt(&receipt, &running.verifier).unwrap();
        assert_eq!(proven.id.to_string(), record);
        assert_eq!(proven.record.caller, DESK);

        // Another's record looks the same as none.
        let anothers = receipt_of(&other, record).await;
        turned_away(&anothers, Code::NotFound, "RECORD_NOT_FOUND");
        let (shard, _index) = record.rsplit_once('-').unwrap();
        for none in [&format!("{shard}-999"), "other-2026q4-0", "nonsense", ""] {
            let none = receipt_of(&other, none).await;
            assert_eq!(none.status.message(), anothers.status.message());
            assert_eq!(none.status.details(), anothers.status.details());
            assert_eq!(none.code(), anothers.code());
        }
    }
    let heard = running.heard();
    let past = running.stop().await;
    // Receipts are no lookups.
    assert_eq!((past.entries.len(), heard), (3, 1));
}
