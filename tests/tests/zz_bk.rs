#![allow(clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs, dead_code, unused, unfulfilled_lint_expectations)]
mod system {
    #[path = "/work/main/tests/system/admin.rs"] pub(crate) mod admin;
    #[path = "/work/main/tests/system/past.rs"] pub(crate) mod past;
    #[path = "/work/main/tests/system/question.rs"] pub(crate) mod question;
    #[path = "/work/main/tests/system/refused.rs"] pub(crate) mod refused;
    #[path = "/work/main/tests/system/running.rs"] pub(crate) mod running;
}
mod trail { #[path = "/work/main/tests/trail/asking.rs"] pub(crate) mod asking; }
#[path = "/work/main/tests/backing/desk.rs"] mod desk;

use motlan_api::audit::v1::{EndHoldRequest, PlaceHoldRequest};
use motlan_api::policy::v1::*;
use motlan_exchange::{Duties as _, Emergency, Use};
use motlan_gateway::state::{State, Upkeep};
use motlan_testkit::client::{Call, Reply};
use motlan_testkit::world::OFFICIAL;
use prost::Message;
use tonic::Code;
use desk::*;
use system::question::*;
use system::running::Running;
use trail::asking::{PORTAL, PROTECTOR, get, token};

const EMERGENCY: &str = "[grant.break_glass]\nofficials = [\"official-0001\"]\nrelaxes = [\"OUTSIDE_HOURS\"]\nminutes = 30\nreview_hours = 24\n";
const SHOWN: &str = "emergency = \"official-0001\"\n";

async fn rpc<R: Message + Default>(running: &Running, system: &str, method: &str, request: &impl Message) -> Result<R, Reply> {
    let path = format!("/motlan.policy.v1.Agreements/{method}");
    let token = token(running.world().system(system).unwrap());
    let call = Call::new(&path, &request.encode_to_vec()).unwrap().bearer(&token).unwrap();
    let reply = running.client(system).await.call(&call).await.unwrap();
    match reply.code() { Code::Ok => Ok(R::decode(reply.messages().unwrap().remove(0)).unwrap()), _ => Err(reply) }
}
async fn reviews(running: &Running) -> Vec<Review> {
    rpc::<ListReviewsResponse>(running, PROTECTOR, "ListReviews", &ListReviewsRequest::default()).await.unwrap().reviews
}
async fn notices(running: &Running) -> Vec<Notice> {
    rpc::<ListNoticesResponse>(running, PORTAL, "ListNotices", &ListNoticesRequest::default()).await.unwrap().notices
}
async fn close(running: &Running, review: u64) -> Result<CloseReviewResponse, Reply> {
    rpc(running, PROTECTOR, "CloseReview", &CloseReviewRequest { review, ground: "x".into() }).await
}
async fn declare(running: &Running, incident: &str) -> Reply {
    let system = running.world().system(MINISTRY).unwrap();
    let token = system.token(RESIDENCE).unwrap().dossier(DOSSIER).official(OFFICIAL).incident(incident);
    let call = question(running).with("motlan-emergency", incident).bearing(&system.sign(&token).unwrap());
    running.client(MINISTRY).await.call(&call).await.unwrap()
}
fn why(reply: &Reply) -> String { format!("{:?}/{}", reply.code(), reply.error_info().map(|i| i.reason.clone()).unwrap_or_default()) }
fn made(emergency: Option<(&str, i64, i64)>, review_by_us: Option<i64>, minutes_ago: i64) -> Use {
    let m = 60_000_000;
    Use { grant: GRANT.parse().unwrap(), method: GET_PERSON.to_owned(), provider: "G01".parse().unwrap(),
        emergency: emergency.map(|(i, l, r)| Emergency { incident: i.to_owned(), lasts_us: l * m, review_us: r * m }),
        review_by_us, now_us: now_s() * 1_000_000 - minutes_ago * m }
}

#[tokio::test] async fn a_refused_emergencies_open_cases() {
    let running = start(&format!("quota = {{ official = 1 }}\n{EMERGENCY}"), SHOWN).await;
    for i in 0..6 { println!("A incident-{i}: {}", why(&declare(&running, &format!("incident-{i}")).await)); }
    for r in reviews(&running).await { println!("A case {} records {:?}", r.review, r.records); }
    println!("A provider heard {}", running.heard());
    running.stop().await;
}
#[tokio::test] async fn t_names_without_end() {
    let running = start(EMERGENCY, SHOWN).await;
    let mut ok = 0; for i in 0..40 { if declare(&running, &format!("i-{i}")).await.code() == Code::Ok { ok += 1 } }
    println!("T {ok} of 40 emergencies at once by one official; cases {}", reviews(&running).await.len());
    running.stop().await;
}
#[tokio::test] async fn b_more_than_a_hundred() {
    let running = start(EMERGENCY, SHOWN).await;
    let mut asked = Vec::new();
    for _ in 0..105 { let r = declare(&running, "one").await; asked.push(r.metadata("motlan-record").unwrap().to_owned()); }
    let case = reviews(&running).await.remove(0);
    println!("B shown {} first {:?} last {:?}; outcomes from {} to {}", case.records.len(), &case.records[..4], &case.records[96..], asked[0], asked[104]);
    let shown: std::collections::HashSet<_> = case.records.iter().cloned().collect();
    let mut missing = Vec::new();
    for r in &asked { let (p, n) = r.rsplit_once('-').unwrap(); let q = format!("{p}-{}", n.parse::<u64>().unwrap() - 1); if !shown.contains(&q) { missing.push(q) } }
    println!("B never shown: {missing:?}");
    running.stop().await;
}
#[tokio::test] async fn c_nobody_can_close() {
    let laid = system::running::Laid::out().await.configured("[state]\nfile = \"state.redb\"");
    let file = laid.world.dir().join("catalog/agreements/g12-h26-business.toml");
    let text = std::fs::read_to_string(&file).unwrap().replacen("systems = [\"H26/one-stop\"]\n", "systems = [\"H26/one-stop\"]\nobligations = { review_days = 1 }\n", 1);
    laid.world.write("catalog/agreements/g12-h26-business.toml", &text).unwrap();
    let running = laid.start().await;
    let sample = running.roles().enterprise.clone();
    let q = enterprise(&sample).procedure(CHEMICALS);
    println!("C answered: {}", why(&running.ask(&q).await));
    println!("C seen by the only data_protection system: {:?}", reviews(&running).await);
    println!("C close: {:?}", close(&running, 1).await.err().map(|r| why(&r)));
    let file = running.world().dir().join("state.redb");
    let running = running.again_after(async || {
        let mut u = made(None, Some((now_s() - 5) * 1_000_000), 3000);
        u.grant = "g12-h26-business-2026/registration".parse().unwrap(); u.provider = "G12".parse().unwrap();
        Upkeep::new(Some(State::open(&file).unwrap())).open(&u, &"hn1-2026q4-0".parse().unwrap()).await.unwrap();
    }).await;
    println!("C after it is overdue: {}", why(&running.ask(&q).await));
    running.stop().await;
}
#[tokio::test] async fn e_invisible() {
    let running = start("approvals = 2", "approvals = 2\n").await;
    for (one, two) in [("chief-1", "chief-1\u{200b}"), ("chief-1", "official-0001\u{2060}"), ("official-0001\u{ad}", "official-0001\u{200b}"), ("chief 1", "chief  1")] {
        let t = [one, two].map(|o| ("motlan-approval", signed(&running, APPROVING, &approval(&running, o))));
        println!("E {:?}: {}", (one, two), why(&ask(&running, &t).await));
    }
    running.stop().await;
}
#[tokio::test] async fn f_null_and_blank() {
    let running = start("consent = \"required\"", "consent = true\n").await;
    let c = consent(&running).claim("fields", serde_json::json!(null));
    let r = ask(&running, &[("motlan-consent", signed(&running, NATIONAL_ID, &c))]).await;
    println!("F fields null: {} {} bytes", why(&r), r.body.len());
    let blank = signed(&running, NATIONAL_ID, &consent(&running).id(" "));
    println!("G blank jti: {}", why(&ask(&running, &[("motlan-consent", blank.clone())]).await));
    let v = rpc::<RevokeConsentResponse>(&running, NATIONAL_ID, "RevokeConsent", &RevokeConsentRequest { consent: " ".into() }).await;
    println!("G revoke: {:?}", v.err().map(|r| why(&r)));
    println!("G after: {}", why(&ask(&running, &[("motlan-consent", blank)]).await));
    let never = rpc::<RevokeConsentResponse>(&running, NATIONAL_ID, "RevokeConsent", &RevokeConsentRequest { consent: "never-issued".into() }).await.unwrap();
    println!("M revoke of what never was: {}", never.revoked);
    running.stop().await;
}
#[tokio::test] async fn h_take_a_held_notice() {
    let running = start("[grant.obligations]\nnotify_subject = true\n", "").await;
    let r = ask(&running, &[]).await;
    let (p, n) = r.metadata("motlan-record").unwrap().rsplit_once('-').unwrap();
    let q = format!("{p}-{}", n.parse::<u64>().unwrap() - 1);
    let hold = PlaceHoldRequest { caller: MINISTRY.into(), ground: "decision 12/QD-2026".into(), until_us: (now_s() + 3600) * 1_000_000, ..Default::default() };
    let hold = get(&running, PROTECTOR, &hold).await.hold;
    println!("H listed while held: {}", notices(&running).await.len());
    println!("H take while held: {:?}", rpc::<TakeNoticeResponse>(&running, PORTAL, "TakeNotice", &TakeNoticeRequest { record: q }).await.err().map(|r| why(&r)));
    get(&running, PROTECTOR, &EndHoldRequest { hold, ground: "over".into() }).await;
    println!("H listed after the hold: {}", notices(&running).await.len());
    running.stop().await;
}
#[tokio::test] async fn j_reload_lifts_a_suspension() {
    let running = lay("[grant.obligations]\nreview_days = 3\n", "").await.start().await;
    let file = running.world().dir().join("state.redb");
    let running = running.again_after(async || {
        Upkeep::new(Some(State::open(&file).unwrap())).open(&made(None, Some((now_s() - 5) * 1_000_000), 6000), &"hn1-2026q4-0".parse().unwrap()).await.unwrap();
    }).await;
    println!("J overdue: {}", why(&ask(&running, &[]).await));
    running.world().write("catalog/agreements/backed.toml", &agreement("", "")).unwrap();
    println!("J reload: {}", running.reload().await.is_ok());
    println!("J after: {}; open cases {}", why(&ask(&running, &[]).await), reviews(&running).await.len());
    running.stop().await;
}
#[tokio::test] async fn l_the_key_lies_beside_the_digests() {
    let dir = tempfile::tempdir().unwrap(); let file = dir.path().join("s");
    State::init(&file).unwrap();
    Upkeep::new(Some(State::open(&file).unwrap())).admit(&made(Some(("mother-of-nguyen-van-a", 30, 60)), None, 0)).await.unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let windows: std::collections::HashSet<&[u8]> = bytes.windows(32).collect();
    let mut found = None;
    for key in &windows {
        if key.iter().filter(|b| **b == 0).count() > 8 { continue }
        let k = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
        let mut t = Vec::new(); for p in ["incident", GRANT, "mother-of-nguyen-van-a"] { t.extend((p.len() as u64).to_be_bytes()); t.extend(p.as_bytes()); }
        if windows.contains(aws_lc_rs::hmac::sign(&k, &t).as_ref()) { found = Some(key.to_vec()); break }
    }
    println!("L file {} bytes; a guess of the incident confirmed with the file alone: {}", bytes.len(), found.is_some());
}
#[tokio::test] async fn r_closed_between_admit_and_open() {
    let running = lay(EMERGENCY, SHOWN).await.start().await;
    let file = running.world().dir().join("state.redb");
    // Used in its last second: admitted 31 minutes less a little ago, in force then.
    let running = running.again_after(async || { Upkeep::new(Some(State::open(&file).unwrap())).admit(&made(Some(("one", 30, 1440)), None, 31)).await.unwrap() }).await;
    let before = reviews(&running).await;
    println!("R closed: {}", close(&running, before[0].review).await.is_ok());
    let running = running.again_after(async || {
        let opened = Upkeep::new(Some(State::open(&file).unwrap())).open(&made(Some(("one", 30, 1440)), None, 2), &"hn1-2026q4-7".parse().unwrap()).await;
        println!("R open of the admitted use: {opened:?} (Ok means the provider is asked)");
    }).await;
    println!("R open cases: {}", reviews(&running).await.len());
    running.stop().await;
}
