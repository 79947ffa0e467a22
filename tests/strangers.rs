//! Strangers: wrong certificates, wrong tokens, and connections that only cost.

mod certificates;
mod limits;
mod remembered;
mod tokens;

use motlan_testkit::client::{Call, Client};
use tonic::Code;

use crate::system::refused::turned_away;
use crate::system::running::Running;

/// Checks that a call is turned away at the door: R3, it moves a counter, the ledger does not grow,
/// and no provider hears of it.
async fn assert_stranger(running: &Running, client: &Client, call: &Call, reason: &str, why: &str) {
    let before = (
        running.heard(),
        running.admin.records().await,
        running.admin.turned_away(reason).await,
    );
    let reply = client.call(call).await;
    let reply = reply.unwrap_or_else(|error| panic!("{why}: {error}"));
    assert_eq!(
        (reply.code(), reply.reason().as_deref()),
        (Code::Unauthenticated, Some(reason)),
        "{why}: {:?}",
        reply.status
    );
    turned_away(&reply, Code::Unauthenticated, reason);
    let after = (
        running.heard(),
        running.admin.records().await,
        running.admin.turned_away(reason).await,
    );
    assert_eq!(after, (before.0, before.1, before.2 + 1), "{why}");
}
