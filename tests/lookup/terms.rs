//! The terms of a grant as a caller meets them: a dossier, days of the week, an owner's own rule.

use std::time::SystemTime;

use motlan_testkit::client::Reply;
use tonic::Code;

use crate::system::question::{Question, RESIDENCE, person};
use crate::system::refused::refused_on_record;
use crate::system::running::{Laid, Running};

const MINISTRY: &str = "G15/civil-status";
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const GRANT: &str = "g01-g15-identity/one";

/// Today's place in [`DAYS`], in Việt Nam.
fn today() -> usize {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let local_s = since_epoch.unwrap().as_secs() + 7 * 3600;
    // 1970-01-01 was a Thursday.
    usize::try_from((local_s / 86_400 + 3) % 7).unwrap()
}

/// An agreement for a dossier, on one day of the week. Its tests are on that day of the week that
/// begins with Monday 2026-03-02.
fn agreement(day: usize) -> String {
    let test = format!(
        "[[test]]\nname = \"tried\"\nsystem = \"{MINISTRY}\"\nmethod = \"population/GetPerson\"\n\
         procedure = \"{RESIDENCE}\"\nat = 2026-03-{:02}T09:00:00",
        day + 2
    );
    format!(
        "id = \"g01-g15-identity\"\nversion = 1\ntitle = \"For a dossier\"\nprovider = \"G01\"\n\
         consumer = \"G15\"\nlegal_basis = [\"Luật Căn cước\"]\nvalid_from = 2026-01-01\n\
         valid_until = 2099-12-31\n\
         [[grant]]\nid = \"one\"\ndataset = \"population\"\nview = \"identity\"\n\
         methods = [\"GetPerson\"]\nprocedures = [\"{RESIDENCE}\"]\ndossier = \"required\"\n\
         days = [\"{}\"]\n\
         {test}\ndossier = true\nexpect = \"allowed\"\n\
         fields = [\"date_of_birth.*\", \"full_name\", \"personal_id\", \"sex\"]\n\
         {test}\nexpect = \"DOSSIER_REQUIRED\"\n",
        DAYS[day]
    )
}

async fn start(day: usize, rules: Option<&str>) -> Running {
    let laid = Laid::out().await;
    let write = |path: &str, text: &str| laid.world.write(path, text).unwrap();
    write("catalog/agreements/terms.toml", &agreement(day));
    if let Some(rules) = rules {
        write("catalog/rules/population.cedar", rules);
    }
    laid.start().await
}

/// Asks without naming a dossier.
async fn ask_without_a_dossier(running: &Running, question: &Question) -> Reply {
    let system = running.world().system(MINISTRY).unwrap();
    let call = question.bearing(&system.signed(RESIDENCE).unwrap());
    running.client(MINISTRY).await.call(&call).await.unwrap()
}

/// R26.
#[tokio::test]
async fn a_token_without_a_dossier_is_refused_where_the_grant_needs_one() {
    let running = start(today(), None).await;
    let question = person(&running.roles().person);
    let reply = ask_without_a_dossier(&running, &question).await;
    let record = refused_on_record(&reply, Code::PermissionDenied, "DOSSIER_REQUIRED");
    assert!(
        reply.status.message().contains(GRANT),
        "{}",
        reply.status.message()
    );
    assert_eq!(running.heard(), 0);
    let past = running.stop().await;
    past.assert_refused(&record, "DOSSIER_REQUIRED");
}

/// R25.
#[tokio::test]
async fn on_a_day_of_the_week_that_is_not_granted_nobody_is_asked() {
    let running = start((today() + 3) % 7, None).await;
    let question = person(&running.roles().person);
    let reply = running.ask_as(MINISTRY, &question).await;
    let record = refused_on_record(&reply, Code::PermissionDenied, "OUTSIDE_HOURS");
    assert_eq!(running.heard(), 0);
    let past = running.stop().await;
    past.assert_refused(&record, "OUTSIDE_HOURS");
}

/// R27: under its own name, to the caller and on record.
#[tokio::test]
async fn an_owners_rule_refuses_under_its_own_name() {
    // After every test of every agreement on the dataset, and before now.
    let rules = "@reason(\"OWNER_CLOSED_FOR_REPAIR\")\n\
                 forbid (principal, action, resource) when { context.now_ms > 1773000000000 };";
    let running = start(today(), Some(rules)).await;
    let question = person(&running.roles().person);
    let reply = running.ask(&question).await;
    let record = refused_on_record(&reply, Code::PermissionDenied, "OWNER_CLOSED_FOR_REPAIR");
    assert_eq!(running.heard(), 0);
    let (_, metrics) = running.admin.page("/metrics").await;
    let counted = "reason=\"OWNER_CLOSED_FOR_REPAIR\"";
    assert!(metrics.contains(counted), "{}", metrics);
    let past = running.stop().await;
    past.assert_refused(&record, "OWNER_CLOSED_FOR_REPAIR");
}
