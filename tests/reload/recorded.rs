//! What is taken in force, or refused, is on record first.

use motlan_api::audit::v1::{ChangeSubject, RecordKind};
use motlan_gateway::enforced::Reloaded;
use tonic::Code;

use super::certificates::{DAY, changes, listed, revoke, rotate, shown, take_server, told};
use super::sets::{AGREEMENT, Flavour};
use crate::system::question::person;
use crate::system::running::Running;
use crate::trail::unrecorded::block_writing;

#[tokio::test]
async fn each_change_is_on_record_in_its_order_with_what_was_and_what_is_in_force() {
    // R106.
    let running = listed().await.start().await;
    let name = |name| told(&running, name);
    let server = name("server_tls").await.unwrap();
    let client = name("client_tls").await.unwrap();
    let catalog = name("catalog").await.unwrap();

    revoke(running.world(), &[], DAY);
    let listed = take_server(&running).await;
    running
        .world()
        .write("pki/gateway-client.key", "none")
        .unwrap();
    running.reload_all().await.client_tls.unwrap_err();
    rotate(running.world(), "gateway-client");
    let reloads = running.reload_all().await;
    let Ok(Reloaded::Taken(rotated)) = reloads.client_tls else {
        panic!("{reloads:?}");
    };
    // Nothing is another: no record.
    let records = running.admin.records().await;
    running.reload_all().await.client_tls.unwrap();
    assert_eq!(running.admin.records().await, records);
    let spoilt = "version = \"none\"";
    running.world().write(AGREEMENT, spoilt).unwrap();
    let faults = running.reload().await.unwrap_err().len();
    let identity = Flavour::Identity.agreement();
    running.world().write(AGREEMENT, &identity).unwrap();
    let Ok(Reloaded::Taken(revision)) = running.reload().await else {
        panic!("a good set was not taken");
    };
    let reply = running.ask(&person(&running.roles().person)).await;
    assert_eq!(reply.code(), Code::Ok);

    let past = running.stop().await;
    let revision = revision.to_string();
    let faults = u32::try_from(faults).unwrap();
    let due = [
        (ChangeSubject::ServerTls, &server, listed, 0),
        (ChangeSubject::ClientTls, &client, String::new(), 1),
        (ChangeSubject::ClientTls, &client, rotated, 0),
        (ChangeSubject::Catalog, &catalog, String::new(), faults),
        (ChangeSubject::Catalog, &catalog, revision.clone(), 0),
    ];
    let found = changes(&past);
    let found = found.iter().map(|it| {
        let (before, after) = (it.before.clone(), it.after.clone());
        (it.subject(), before, after, it.faults)
    });
    let due = due.map(|(what, before, after, faults)| (what, before.clone(), after, faults));
    assert_eq!(found.collect::<Vec<_>>(), due);
    // Whatever it decided stands behind it.
    let kinds = past.entries.iter().map(|entry| entry.record.kind());
    let kinds: Vec<RecordKind> = kinds.collect();
    assert_eq!(kinds[5..], [RecordKind::Question, RecordKind::Outcome]);
    assert!(past.entries[5].record.revision == revision);
}

#[tokio::test]
async fn where_the_ledger_cannot_write_nothing_is_taken_in_force() {
    // R106.
    let running = Running::start().await;
    let reply = running.ask(&person(&running.roles().person)).await;
    assert_eq!(reply.code(), Code::Ok);
    let (old, catalog) = (shown(&running).await, told(&running, "catalog").await);
    block_writing(&running.world().dir().join("ledger"));
    rotate(running.world(), "gateway");
    rotate(running.world(), "gateway-client");
    let identity = Flavour::Identity.agreement();
    running.world().write(AGREEMENT, &identity).unwrap();
    let reloads = running.reload_all().await;
    let server = reloads.server_tls.unwrap_err().to_string();
    let client = reloads.client_tls.unwrap_err().to_string();
    let set = reloads.catalog.unwrap_err().to_string();
    for refused in [server, client, set] {
        assert!(refused.contains("cannot be recorded"), "{refused}");
    }
    assert_eq!(shown(&running).await, old);
    assert_eq!(told(&running, "catalog").await, catalog);
    let _past = running.again_after_failure().await.stop().await;
}
