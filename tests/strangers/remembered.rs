//! Tokens that belong to another certificate, or have had their time: also those that the gateway
//! has verified before and remembers.

use std::time::{SystemTime, UNIX_EPOCH};

use motlan_testkit::client::Client;
use motlan_testkit::pki::Leaf;
use tonic::Code;

use super::assert_stranger;
use crate::system::question::{DESK, OTHER_DESK, RESIDENCE, person};
use crate::system::running::Running;
use crate::system::until::until;

fn now_s() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since_epoch.as_secs()).unwrap()
}

#[tokio::test]
async fn a_token_does_not_serve_another_system_whether_or_not_it_is_remembered() {
    // R13, R14.
    let running = Running::start().await;
    let roles = running.roles();
    let desk = running.world().system(DESK).unwrap();
    let question = person(&roles.person).bearing(&desk.signed(RESIDENCE).unwrap());
    let thief = running.client(OTHER_DESK).await;
    assert_stranger(&running, &thief, &question, "TOKEN_ISSUER", "new").await;
    for _ in 0..2 {
        let reply = running.desk.call(&question).await.unwrap();
        assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
        assert_stranger(&running, &thief, &question, "TOKEN_ISSUER", "remembered").await;
    }
    assert_eq!(running.heard(), 2);
    assert_eq!(running.stop().await.entries.len(), 4);
}

#[tokio::test]
async fn a_token_does_not_outlive_the_certificate_that_it_is_bound_to() {
    // R13, R14: the same system, its certificate issued anew.
    let running = Running::start().await;
    let roles = running.roles();
    let world = running.world();
    let desk = world.system(DESK).unwrap();
    let leaf = Leaf::system(world.trust_domain(), DESK);
    let reissued = world.authority().issue(&leaf).unwrap();
    let tls = world.authority().client_config(Some(&reissued)).unwrap();
    let anew = Client::connect(&running.address, tls).await.unwrap();

    let reason = "TOKEN_OTHER_CERTIFICATE";
    let bound_to_old = person(&roles.person).bearing(&desk.signed(RESIDENCE).unwrap());
    assert_stranger(&running, &anew, &bound_to_old, reason, "new").await;
    let reply = running.desk.call(&bound_to_old).await.unwrap();
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    assert_stranger(&running, &anew, &bound_to_old, reason, "remembered").await;

    let token = desk.token(RESIDENCE).unwrap();
    let token = token.bound_to_identity(&reissued).unwrap();
    let bound_to_new = person(&roles.person).bearing(&desk.sign(&token).unwrap());
    assert_stranger(&running, &running.desk, &bound_to_new, reason, "new").await;
    let reply = anew.call(&bound_to_new).await.unwrap();
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    assert_stranger(&running, &running.desk, &bound_to_new, reason, "remembered").await;
    assert_eq!(running.stop().await.entries.len(), 4);
}

#[tokio::test]
async fn a_remembered_token_is_not_accepted_past_its_expiry() {
    // R14.
    const LIFETIME_S: i64 = 2;
    let running = Running::start().await;
    let roles = running.roles();
    let desk = running.world().system(DESK).unwrap();
    let issued = now_s();
    let token = desk.token(RESIDENCE).unwrap();
    let token = token.issued_s(issued).expires_s(issued + LIFETIME_S);
    let call = person(&roles.person).bearing(&desk.sign(&token).unwrap());
    let first = running.desk.call(&call).await.unwrap();
    assert_eq!(first.code(), Code::Ok, "{:?}", first.status);
    let mut answered = 1;
    until("the token expires", async || {
        let before_s = now_s();
        let reply = running.desk.call(&call).await.unwrap();
        if reply.code() == Code::Ok {
            // Asked in time: the gateway looks at its clock later than this test.
            assert!(before_s < issued + LIFETIME_S, "accepted at {before_s}");
            answered += 1;
            return None;
        }
        assert!(now_s() >= issued + LIFETIME_S, "refused too early");
        assert_eq!(reply.reason().as_deref(), Some("TOKEN_EXPIRED"));
        Some(())
    })
    .await;
    // And never again.
    assert_stranger(&running, &running.desk, &call, "TOKEN_EXPIRED", "again").await;
    assert_eq!(running.stop().await.entries.len(), 2 * answered);
}
